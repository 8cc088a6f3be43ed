#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/base/file.hpp"

namespace davit::oci {

/// A directory that nothing in it leads out of: like a process's root, for what an archive of
/// strangers names. Paths have names with slashes between, no "..", and are resolved as if the
/// directory were "/": symbolic links are followed inside it, absolute ones and those with ".."
/// too, by the kernel (openat2 with RESOLVE_IN_ROOT) or, where that is not to be had, name by name
/// and never by a path that the kernel would resolve further.
class RootedTree {
 public:
  /// `name` is what errors call the directory.
  RootedTree(Fd root, std::string name, OpenBeneath how = OpenBeneath::best)
      : root_(std::move(root)), name_(std::move(name)), how_(how) {}

  int root() const { return root_.get(); }

  /// A directory, by an O_PATH descriptor; the empty path is the root. Missing ones are made, mode
  /// 0755. Throws Error(corrupt) if something on the way is no directory.
  Fd directory(std::string_view path) const;
  /// The same, but nothing is made: nothing if it is not there.
  std::optional<Fd> find(std::string_view path) const;

  /// Removes whatever has this name in an open directory, with everything beneath; nothing if
  /// there is nothing. With `spare`, what it says yes to stays, and so do the directories above
  /// it. `path` is the entry's path, for `spare` and for errors. Says whether all of it is gone.
  using Spare = std::function<bool(const std::string& path)>;
  bool remove(int directory, const std::string& name, const std::string& path,
              const Spare& spare = {}) const;

  /// The names in an open directory.
  std::vector<std::string> names(int directory, const std::string& path) const;

  /// "DIR/path", as errors have it.
  std::string called(std::string_view path) const;

 private:
  enum class Missing { made, absent };
  Fd walk(std::string_view path, Missing missing) const;

  const Fd root_;
  const std::string name_;
  const OpenBeneath how_;
};

}  // namespace davit::oci
