#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "oci/base/limits.hpp"
#include "oci/base/progress.hpp"
#include "oci/layer/tar_parser.hpp"
#include "oci/model/manifest.hpp"
#include "oci/model/platform.hpp"
#include "oci/store/store.hpp"

namespace davit::oci {

/// The layers of an image, with the digests of their tars.
struct ImageLayers {
  Store* store = nullptr;
  std::string name;  ///< "registry.example/app@sha256:..."
  Descriptor root;
  std::vector<Descriptor> layers;
  std::vector<Digest> diff_ids;
};

/// Reads the documents. An index wants a platform; without one, this machine's is taken. Throws
/// Error(corrupt) for what is no image with layers of files.
ImageLayers open_layers(const Call& call, Store& store, std::string_view tag_or_digest,
                        const std::optional<Platform>& platform);

/// "sha256:... of registry.example/app@sha256:...", as errors have it.
std::string layer_name(const ImageLayers& image, std::size_t layer);

struct LayerReading {
  /// Bytes that all layers together may inflate to. Of what a layer inflates to no bound is known
  /// beforehand, and a ratio tells nothing: honest zeros become a thousandth, or much less.
  std::uint64_t max_bytes = inflated_size_limit;
  /// Whether tars are compared with their diff_ids. Of layers that are read again the blobs'
  /// digests say that they are the same bytes as before.
  bool compares_diff_ids = true;
};

/// The order in which layers are read.
enum class LayerOrder { bottom_up, top_down };

/// Reads the layers one after the other: `handler` gives what takes the entries of each, by its
/// number from the bottom. The next layer is fetched and decompressed while one is handled. Each
/// blob is checked against its digest and each tar against its diff_id, once it is read to its
/// end; what a handler did by then with wrong bytes is the caller's to undo. Nothing is stored.
/// Throws what the store and the handler throw; Error(corrupt); Error(refused) beyond the limit.
void read_layers(const Call& call, const ImageLayers& image, LayerOrder order,
                 const LayerReading& options,
                 const std::function<TarHandler&(std::size_t)>& handler);

}  // namespace davit::oci
