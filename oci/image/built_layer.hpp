#pragma once

#include <stop_token>
#include <string>

#include "oci/base/progress.hpp"
#include "oci/image/layer_cache.hpp"
#include "oci/image/layer_input.hpp"
#include "oci/layer/compression.hpp"
#include "oci/layer/layer.hpp"
#include "oci/store/store.hpp"

namespace davit::oci {

struct BuiltLayer {
  Descriptor descriptor;
  Digest diff_id;
  // For the history.
  std::string created_by = {};
  std::string comment = {};
};

/// What all layers of one image share.
struct LayerWork {
  Store& to;
  const Compression& compression;
  const LayerCache& cache;
  CompressionPool& pool;
};

/// Builds one layer into a store. A tar is read once, and hashed, compressed and sent at the same
/// time; a compressed tarball is measured and checked first, and then sent as it is unless it is
/// there. Where there is a cache, what would be compressed is hashed first, and read again only if
/// the cache does not have it. `id` names the layer in the progress.
BuiltLayer build_layer(const Call& call, const LayerInput& input, const std::string& id,
                       const LayerWork& work);

}  // namespace davit::oci
