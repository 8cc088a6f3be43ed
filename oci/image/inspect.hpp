#pragma once

#include <optional>
#include <string>
#include <vector>

#include "oci/model/config.hpp"
#include "oci/model/manifest.hpp"
#include "oci/model/platform.hpp"
#include "oci/store/store.hpp"

namespace davit::oci {

/// An image or index as it stands in a store, documents verbatim.
struct Inspection {
  std::string store;
  Descriptor root;
  std::string root_bytes;
  Document document;
  /// Of an image; of an index only where a platform was chosen.
  std::optional<std::string> config_bytes;
  std::optional<ImageConfig> config;
};

/// The document with this tag or digest. With a platform, one is chosen from an index.
Descriptor find_image(const Call& call, Store& store, std::string_view tag_or_digest,
                      const std::optional<Platform>& platform);

/// Reads the documents of an image, none of its layers.
Inspection inspect_image(const Call& call, Store& store, std::string_view tag_or_digest,
                         const std::optional<Platform>& platform);

}  // namespace davit::oci
