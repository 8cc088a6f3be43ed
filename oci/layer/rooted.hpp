#pragma once

#include <string>
#include <string_view>

#include "oci/base/file.hpp"

namespace davit::oci {

/// A directory that nothing in it leads out of, for what an archive of strangers makes there. Paths
/// are of names with slashes between; the kernel follows no symbolic link on them (openat2 with
/// RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS), and where it has no such call they are walked name by
/// name.
class RootedTree {
 public:
  /// `name` is what errors call the directory.
  RootedTree(Fd root, std::string name, OpenBeneath how = OpenBeneath::best)
      : root_(std::move(root)), name_(std::move(name)), how_(how) {}

  int root() const { return root_.get(); }

  /// A directory, by an O_PATH descriptor; the empty path is the root.
  Fd directory(const std::string& path) const;

  /// Removes whatever has this name in an open directory, with everything beneath, however deep and
  /// whatever its modes; nothing if there is nothing. `path` is for errors.
  void remove(int directory, const std::string& name, std::string_view path) const;
  /// Removes all that is in an open directory.
  void clear(int directory, std::string_view path) const;
  bool is_empty(int directory, std::string_view path) const;

  /// "DIR/path", as errors have it.
  std::string called(std::string_view path) const;

 private:
  const Fd root_;
  const std::string name_;
  const OpenBeneath how_;
};

}  // namespace davit::oci
