#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "oci/layer/block.hpp"
#include "oci/layer/tree_part.hpp"
#include "oci/layer/tree_read.hpp"

namespace davit::oci {

/// Whether the first entry is the root directory itself ("./"), with its mode, owner and times.
/// umoci applies it, containerd and Docker ignore it; a layer that only adds to a base has none.
enum class RootEntry { written, omitted };

struct TreeOptions {
  std::optional<Owner> owner;               ///< of everything; as the files have it otherwise
  std::optional<std::int64_t> clamp_mtime;  ///< SOURCE_DATE_EPOCH: later times become this one
  /// Where the tree goes in the layer: "/opt/app". The directories above are written first, mode
  /// 0755, owner 0:0, times 0 or the clamp. A single file goes to this path itself, or into it
  /// if it ends with a slash.
  std::string destination;
  RootEntry root_entry = RootEntry::written;  ///< only matters without a destination
  /// Of a directory, no more than this (split_tree).
  std::shared_ptr<const TreePart> part;
  /// How many threads read small files ahead of the writer, for the sake of disks that have to be
  /// waited for (4 halve the time of a cold root file system; more do not help). 0: none.
  std::size_t threads = 4;
  std::stop_token stop;
};

/// A directory as a layer's tar, or with a destination a single file as well. The same tree gives
/// the same bytes.
///
/// Entries stand in the order of the bytes of their paths, a directory's with its final slash;
/// the first of several hard links (by device and inode) has the data. Owners are numeric, times
/// whole seconds. Extended attributes are kept but for those of the host (`travels`), POSIX ACLs
/// among them. Sockets are left out with a warning. Symbolic links are never followed but at
/// `path` itself. Memory does not grow with the tree but for its largest directories and the hard
/// links still open.
///
/// Throws, at once: Error(not_found) if there is nothing at `path`, Error(denied), Error(usage)
/// if it is not a directory or the destination makes no sense. And while it writes: Error(failed)
/// naming a file that changes meanwhile, or begins with ".wh."; Error(denied) naming one that
/// cannot be read; Error(interrupted).
TarSource tree_source(const std::filesystem::path& path, TreeOptions options);

}  // namespace davit::oci
