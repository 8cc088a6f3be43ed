#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace davit::oci {

/// Some of a tree's entries, for one of several layers. Paths are the walk's: from the root, a
/// directory's with a slash at its end, in the order of their bytes.
struct TreePart {
  /// What stands from `first` up to but not including `end`; without an end all that follows.
  std::string first;
  std::optional<std::string> end;
  /// But not these: later names of files whose first name is in an earlier part.
  std::set<std::string> without;
  /// And these from elsewhere: names of this part's files, or directories.
  std::set<std::string> with;
  /// Directories whose time another part sets, so that it does not decide this one's bytes.
  std::shared_ptr<const std::set<std::string>> untimed;

  bool in_range(std::string_view path) const { return path >= first && (!end || path < *end); }

  /// Whether a file, a link or whatever is no directory belongs here.
  bool takes(const std::string& path) const {
    return (in_range(path) && !without.contains(path)) || with.contains(path);
  }

  /// Whether a directory belongs here, or something beneath it does.
  bool enters(const std::string& path) const {
    if (in_range(path) || (path < first && first.starts_with(path))) return true;
    const auto next = with.lower_bound(path);
    return next != with.end() && next->starts_with(path);
  }

  bool times(const std::string& directory) const {
    return untimed == nullptr || !untimed->contains(directory);
  }
};

}  // namespace davit::oci
