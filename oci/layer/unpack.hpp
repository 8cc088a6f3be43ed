#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "oci/layer/rooted.hpp"
#include "oci/layer/tar_parser.hpp"

namespace davit::oci {

/// How a layer says that something of the layers below is gone (image-spec, layer.md).
inline constexpr std::string_view whiteout_mark = ".wh.";
inline constexpr std::string_view opaque_mark = ".wh..wh..opq";
inline constexpr std::string_view aufs_mark = ".wh..wh.";  ///< notes of AUFS, which mean nothing

/// An entry's path as what it names: "a/b" for "./a//b/", empty for the root itself. Throws
/// Error(corrupt) for what leads up, is longer than a path can be, or has control characters.
std::string clean_path(std::string_view path);

struct UnpackOptions {
  /// As root, owners and devices are made as the layers say; otherwise everything is the caller's
  /// and devices are left out.
  bool privileged = false;
  std::uint64_t max_bytes = 256 * GiB;     ///< of all files together
  std::uint64_t max_entries = 10'000'000;  ///< of all layers
  std::stop_token stop;
};

/// What could not be done without stopping: kinds of trouble, how often, and the first example.
struct Shortfall {
  std::uint64_t count = 0;
  std::string example;
};

/// Applies layers to a directory in order (image-spec, layer.md): what an entry names replaces
/// what was there, but a directory stays for a directory; ".wh.NAME" removes NAME, and
/// ".wh..wh..opq" what is in its directory, in both cases only what lower layers have brought.
/// Nothing outside the directory is read or changed, whatever the entries say: they are hostile.
/// Times of directories are set at the end.
///
/// Throws Error(corrupt) naming the entry for names with ".." or control characters, hard links to
/// what is not there, entries beneath what is no directory; Error(refused) beyond the limits;
/// Error(failed) for a disk that is full.
class Unpacker final : public TarHandler {
 public:
  Unpacker(const RootedTree& tree, UnpackOptions options);
  ~Unpacker() override;

  /// Before the entries of each layer.
  void begin_layer();
  void entry(const TarEntry& entry) override;
  void data(Bytes bytes) override;
  /// After the last layer.
  void finish();

  /// By what was not done: "owners", "devices", "extended attributes".
  const std::map<std::string, Shortfall>& shortfalls() const { return shortfalls_; }

 private:
  void whiteout(const std::string& parent, const std::string& name);
  void make_directory(const TarEntry& entry);
  void make_file(const TarEntry& entry);
  void make_link(const TarEntry& entry);
  void make_special(const TarEntry& entry);
  void end_file();

  int parent(const std::string& path);
  template <class Make>
  bool make(const Make& make);
  void set_owner(const TarEntry& entry, int fd);
  void set_attributes(const TarEntry& entry, int fd);
  void set_times(const TarEntry& entry);
  void fell_short(const std::string& what);

  const RootedTree& tree_;
  const UnpackOptions options_;

  std::string path_;  // of the entry, cleaned
  std::string name_;  // its last name
  Fd parent_;
  std::string parent_path_;
  bool has_parent_ = false;

  Fd file_;
  TarEntry file_entry_;
  std::uint64_t missing_ = 0;

  std::uint64_t bytes_ = 0;
  std::uint64_t entries_ = 0;
  std::unordered_set<std::string> made_;  // by this layer, with what is above
  struct DirectoryEnd {
    std::int64_t mtime = 0;
    std::uint32_t mode = 0;
  };
  std::map<std::string, DirectoryEnd> directories_;  // what they get at the end
  std::map<std::string, Shortfall> shortfalls_;
};

}  // namespace davit::oci
