#pragma once

#include <cstddef>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "oci/base/progress.hpp"
#include "oci/image/built_layer.hpp"
#include "oci/model/config.hpp"
#include "oci/model/manifest.hpp"
#include "oci/model/platform.hpp"

namespace davit::oci {

enum class ImageFormat { oci, docker };

/// The image below: nothing of it but its documents is read.
struct BaseImage {
  Store* store = nullptr;
  Manifest manifest;
  std::string config;
  Platform platform;
};

/// Of an index, the image for a platform, or for this machine's. Throws Error(not_found) if it is
/// for another, Error(corrupt) if its documents contradict each other.
BaseImage read_base(const Call& call, Store& store, std::string_view tag_or_digest,
                    const std::optional<Platform>& platform);

/// What a new image is like.
struct ImageRecipe {
  std::vector<LayerInput> layers;  ///< on top of the base's, in this order
  /// Default: the base's; without a base, this machine's.
  std::optional<Platform> platform;
  ConfigChanges config;  ///< its platform and layers are filled in here
  Annotations annotations;
  Compression compression;
  ImageFormat format = ImageFormat::oci;
  std::size_t jobs = 8;
};

/// Throws Error(usage) for what the recipe's format cannot say.
void check_recipe(const ImageRecipe& recipe);

/// What an image is for, whose layers a cache may have.
Platform platform_of(const ImageRecipe& recipe, const std::optional<BaseImage>& base);

/// An image that is in its store, all but its manifest.
struct MadeImage {
  Descriptor root;
  std::string manifest;  ///< its bytes
};

/// Makes an image: its layers and its config are stored in `to`, and its manifest is the caller's
/// to store, which makes it visible. Layers of the base that `to` has or can mount are not read.
/// Two layers are compressed at the same time, with zstd one.
MadeImage make_image(const Call& call, Store& to, const std::optional<BaseImage>& base,
                     const LayerCache& cache, const ImageRecipe& recipe);

}  // namespace davit::oci
