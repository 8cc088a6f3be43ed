#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "oci/base/progress.hpp"
#include "oci/image/layer_cache.hpp"
#include "oci/layer/compression.hpp"
#include "oci/layer/layer.hpp"
#include "oci/layer/tree.hpp"
#include "oci/store/store.hpp"

namespace davit::oci {

/// Where a layer's files come from.
struct LayerInput {
  enum class Kind {
    tree,     ///< a directory, or a file put at `tree.destination`
    tarball,  ///< a tar, perhaps compressed, used as it is written
  };
  Kind kind = Kind::tree;
  std::filesystem::path path;
  TreeOptions tree;
  std::string created_by;  ///< for the history
};

struct BuiltLayer {
  Descriptor descriptor;
  Digest diff_id;
  // For the history.
  std::string created_by = {};
  std::string comment = {};
};

/// What all layers of one build share.
struct LayerWork {
  Store& to;
  const Compression& compression;
  const LayerCache& cache;
  CompressionPool& pool;
  Progress* progress;
  std::stop_token stop;
};

/// Builds one layer into a store. A tree, a plain tar and an xz-compressed one are read once, and
/// hashed, compressed and sent at the same time; a gzip- or zstd-compressed tarball is measured
/// and checked first, and then sent as it is unless it is there. Where there is a cache, what would
/// be compressed is hashed first, and read again only if the cache does not have it. `id` names the
/// layer in the progress.
BuiltLayer build_layer(const LayerInput& input, const std::string& id, const LayerWork& work);

/// The same inputs, but a tree whose tar would be larger than `max_size` bytes is several.
std::vector<LayerInput> split_inputs(const std::vector<LayerInput>& inputs, std::uint64_t max_size);

/// Looks at an input before anything is sent: Error(not_found) if it is missing, Error(usage) if
/// it is not of its kind.
void check_input(const LayerInput& input);

}  // namespace davit::oci
