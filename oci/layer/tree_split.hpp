#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <stop_token>
#include <vector>

#include "oci/layer/tree_part.hpp"

namespace davit::oci {

struct SplitOptions {
  std::uint64_t max_size = 0;  ///< bytes of a part's tar
  /// Docker and containerd take 127 layers of an image; these leave room for others.
  std::size_t max_parts = 100;
  std::stop_token stop;
};

/// Plans how a directory becomes several layers, by its names and sizes alone. Nothing if it fits
/// in one.
///
/// What is too large is cut in two until everything fits: in the middle half of its bytes, between
/// the neighbours whose common directory is the least deep, and among such where the second one's
/// name says (by a hash). Sizes count rounded up to three significant bits. So where the cuts are
/// hardly depends on what changes from one build to the next: a changed file changes its own part.
///
/// Each part has the directories above its entries. Those in several parts have no time of their
/// own there; the last part, which holds nothing else, sets it. All names of a file are in the part
/// of the first one. A single file that is larger than `max_size` is a part by itself; where there
/// would be more than `max_parts`, parts become twice as large, until there are not. Sizes are
/// estimates: what pax records add to long names and extended attributes is not counted.
///
/// Memory: about 100 bytes for each entry. Throws as tree_source does.
std::vector<std::shared_ptr<const TreePart>> split_tree(const std::filesystem::path& directory,
                                                        const SplitOptions& options);

}  // namespace davit::oci
