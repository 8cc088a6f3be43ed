#include "oci/store/docker_manifest.hpp"

#include <map>
#include <vector>

#include "oci/base/error.hpp"
#include "oci/model/json.hpp"
#include "oci/model/platform.hpp"
#include "oci/model/reference.hpp"
#include "oci/store/layout_index.hpp"

namespace davit::oci {
namespace {

bool is_full_name(const std::string& name) {
  if (name.find('/') == std::string::npos || name.find('@') != std::string::npos) return false;
  try {
    return Reference::parse(name).tag.has_value();
  } catch (const Error&) {
    return false;
  }
}

}  // namespace

std::string docker_manifest(const Index& index,
                            const std::function<std::string(const Descriptor&)>& document) {
  // One entry an image, however many names it has.
  std::map<Digest, std::size_t> places;
  Json json = Json::array();
  for (const Descriptor& entry : index.manifests) {
    const auto name = entry.annotations.find(ref_name_annotation);
    if (name == entry.annotations.end()) continue;
    const Descriptor image = select_image(entry, Platform::host(), document, name->second);
    const Document found = parse_document(image.media_type, document(image), image.digest.str());
    const Manifest& manifest = manifest_of(found, image.digest.str());
    const auto [place, added] = places.emplace(image.digest, json.size());
    if (added) {
      Json layers = Json::array();
      for (const Descriptor& layer : manifest.layers) layers.push_back(blob_path(layer.digest));
      json.push_back(Json{{"Config", blob_path(manifest.config.digest)},
                          {"RepoTags", Json::array()},
                          {"Layers", std::move(layers)}});
    }
    if (is_full_name(name->second)) json[place->second]["RepoTags"].push_back(name->second);
  }
  return to_text(json);
}

}  // namespace davit::oci
