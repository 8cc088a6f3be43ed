#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <vector>

#include "oci/base/progress.hpp"
#include "oci/image/layers.hpp"
#include "oci/layer/compression.hpp"
#include "oci/model/config.hpp"
#include "src/ops/places.hpp"

namespace davit::app {

enum class ImageFormat { oci, docker };

struct BuildOptions {
  std::optional<Place> base;
  std::vector<oci::LayerInput> layers;
  std::vector<Place> targets;
  /// Default: the base's; of an index and without a base, this machine's.
  std::optional<oci::Platform> platform;
  oci::ConfigChanges config;  ///< its platform and layers are filled in here
  oci::Annotations annotations;
  oci::Compression compression;
  /// A tree whose tar is larger becomes several layers (oci::split_tree). Bytes; 0: never.
  std::uint64_t max_layer_size = 0;
  /// Layers that the first target's tag has already are used again; those of the other targets'
  /// and of these images are, too, once their bytes are checked. An image that cannot be read is as
  /// good as none; of these it is said.
  bool cache = true;
  std::vector<Place> cache_from;
  ImageFormat format = ImageFormat::oci;
  std::size_t jobs = 8;
  Use use = Use::write;
  oci::Progress* progress = nullptr;
  std::stop_token stop;
};

/// Builds an image, one layer for each input in the order given on top of the base, straight into
/// the first target; the others get it from there. Base layers that the target has or can mount
/// are not downloaded. Tags move when everything is in its place.
std::vector<Landed> build_image(Places& places, const BuildOptions& options);

}  // namespace davit::app
