#pragma once

#include <optional>
#include <vector>

#include "oci/image/make.hpp"
#include "src/ops/places.hpp"

namespace davit::app {

using oci::ImageFormat;

/// What an image is like, and where it comes from and goes.
struct BuildOptions : oci::ImageRecipe {
  std::optional<Place> base;
  std::vector<Place> targets;
  /// Layers that the first target's tag has already are used again; those of the other targets'
  /// and of these images are, too, once their bytes are checked. An image that cannot be read is as
  /// good as none; of these it is said.
  bool cache = true;
  std::vector<Place> cache_from;
  Use use = Use::write;
};

/// Builds an image, one layer for each input in the order given on top of the base, straight into
/// the first target; the others get it from there. Base layers that the target has or can mount
/// are not downloaded. Tags move when everything is in its place.
std::vector<Landed> build_image(const oci::Call& call, Places& places, const BuildOptions& options);

}  // namespace davit::app
