#include "oci/image/inspect.hpp"

namespace davit::oci {

Descriptor find_image(const Call& call, Store& store, std::string_view tag_or_digest,
                      const std::optional<Platform>& platform) {
  const Descriptor root = require(call, store, tag_or_digest);
  if (!platform) return root;
  return select_image(
      root, *platform, [&](const Descriptor& one) { return fetch_document(call, store, one); },
      store.name() + "@" + root.digest.str());
}

Inspection inspect_image(const Call& call, Store& store, std::string_view tag_or_digest,
                         const std::optional<Platform>& platform) {
  Inspection found;
  found.store = store.name();
  found.root = find_image(call, store, tag_or_digest, platform);
  const std::string what = found.store + "@" + found.root.digest.str();
  found.root_bytes = fetch_document(call, store, found.root);
  found.document = parse_document(found.root.media_type, found.root_bytes, what);
  const auto* manifest = std::get_if<Manifest>(&found.document);
  if (manifest == nullptr) return found;
  const bool image = manifest->config.media_type == media::oci_config ||
                     manifest->config.media_type == media::docker_config;
  // An artifact's config is whatever its makers want: it is shown, not read.
  found.config_bytes = fetch_document(call, store, manifest->config);
  if (image) found.config = parse_config(*found.config_bytes, "the config of " + what);
  return found;
}

}  // namespace davit::oci
