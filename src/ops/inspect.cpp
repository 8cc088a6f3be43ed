#include "src/ops/inspect.hpp"

namespace davit::app {

Inspection inspect_image(Places& places, const Place& place,
                         const std::optional<oci::Platform>& platform) {
  oci::Store& store = places.open(place, Use::read);
  Inspection found;
  found.store = store.name();
  found.root = find_image(store, place, platform);
  const std::string what = found.store + "@" + found.root.digest.str();
  found.root_bytes = oci::fetch_document(store, found.root);
  found.document = oci::parse_document(found.root.media_type, found.root_bytes, what);
  const auto* manifest = std::get_if<oci::Manifest>(&found.document);
  if (manifest == nullptr) return found;
  const bool image = manifest->config.media_type == oci::media::oci_config ||
                     manifest->config.media_type == oci::media::docker_config;
  // An artifact's config is whatever its makers want: it is shown, not read.
  found.config_bytes = oci::fetch_document(store, manifest->config);
  if (image) found.config = oci::parse_config(*found.config_bytes, "the config of " + what);
  return found;
}

}  // namespace davit::app
