#pragma once

#include <optional>
#include <string>
#include <vector>

#include "oci/model/config.hpp"
#include "oci/model/manifest.hpp"
#include "src/ops/places.hpp"

namespace davit::app {

/// An image or index as it stands in a store, documents verbatim.
struct Inspection {
  std::string store;
  oci::Descriptor root;
  std::string root_bytes;
  oci::Document document;
  /// Of an image; of an index only where a platform was chosen.
  std::optional<std::string> config_bytes;
  std::optional<oci::ImageConfig> config;
};

/// Reads the documents of an image, none of its layers.
Inspection inspect_image(Places& places, const Place& place,
                         const std::optional<oci::Platform>& platform);

}  // namespace davit::app
