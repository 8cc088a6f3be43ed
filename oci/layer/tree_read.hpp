#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "oci/base/error.hpp"
#include "oci/base/file.hpp"
#include "oci/layer/tar_header.hpp"
#include "oci/layer/tree_walk.hpp"

namespace davit::oci {

struct Owner {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
};

/// How an entry in the archive differs from the file it is made of.
struct EntryRules {
  std::string prefix;  ///< in front of every path: empty, or with a slash at its end
  std::optional<Owner> owner;
  std::optional<std::int64_t> clamp_mtime;  ///< later times become this one
  std::shared_ptr<const TreePart> part;     ///< whose directories may be without a time
};

/// Reads what TreeWalk names. A const object is used by several threads.
class TreeReader {
 public:
  /// `name` is what errors call the root.
  TreeReader(std::string name, EntryRules rules)
      : name_(std::move(name)), rules_(std::move(rules)) {}

  struct Opened {
    const TreeItem* item = nullptr;
    TarEntry entry;
    Fd file;  ///< only of regular files
    struct stat status;
    bool socket = false;  ///< a tar cannot hold it
  };

  /// Throws Error(failed) if the file is not there or not what the directory said, Error(denied)
  /// if it cannot be read.
  Opened open(const TreeItem& item) const;

  /// Reads the next piece of a file's data, never empty; Error(failed) at an early end.
  std::size_t read(const Opened& opened, std::span<std::byte> into) const;

  /// To be called after the last piece: throws Error(failed) unless the file is as it was.
  void check_unchanged(const Opened& opened) const;

  /// The file as errors and warnings call it.
  std::string called(const TreeItem& item) const;

 private:
  Error failure(const TreeItem& item, std::string_view what) const;

  std::string name_;
  EntryRules rules_;
};

}  // namespace davit::oci
