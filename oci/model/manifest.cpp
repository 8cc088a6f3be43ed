#include "oci/model/manifest.hpp"

#include <fmt/format.h>

#include <array>

#include "oci/base/error.hpp"
#include "oci/base/limits.hpp"
#include "oci/model/descriptor_json.hpp"

namespace davit::oci {
namespace {

constexpr std::array<std::string_view, 10> document_members = {
    "schemaVersion", "mediaType", "artifactType", "config",  "layers",
    "manifests",     "fsLayers",  "history",      "subject", "annotations"};

Error bad(std::string_view what, std::string_view why) {
  return Error(ErrorKind::corrupt, fmt::format("{}: {}", what, why));
}

std::vector<Descriptor> descriptors(const Json& json, std::string_view key, std::string_view what) {
  const Json& array = array_member(json, key, what);
  if (array.size() > descriptor_count_limit) throw bad(what, "too many descriptors");
  std::vector<Descriptor> list;
  list.reserve(array.size());
  for (const Json& item : array) list.push_back(descriptor_from(item, what));
  return list;
}

std::optional<Descriptor> optional_descriptor(const Json& json, std::string_view key,
                                              std::string_view what) {
  const Json& object = object_member(json, key, what);
  if (object.empty()) return std::nullopt;
  return descriptor_from(object, what);
}

/// The document's own type, or what its shape shows. Refuses what could be read as both kinds.
std::string own_type(const Json& json, std::string_view what) {
  if (!json.is_object()) throw bad(what, "not a JSON object");
  refuse_lookalikes(json, document_members, what);
  if (const Json* version = json.find("schemaVersion");
      version == nullptr || !version->is_unsigned() || version->whole() != 2) {
    throw bad(what, "not a manifest of schema version 2");
  }
  const bool like_index = json.contains("manifests");
  const bool like_manifest = json.contains("layers") || json.contains("config");
  if (json.contains("fsLayers") || json.contains("history")) {
    throw bad(what, "has members of a schema 1 manifest");
  }
  if (like_index && like_manifest) throw bad(what, "is an index and a manifest at once");
  const std::string type = string_member(json, "mediaType", what);
  if (type.empty()) {
    if (like_index) return std::string(media::oci_index);
    if (like_manifest) return std::string(media::oci_manifest);
    throw bad(what, "is neither an index nor a manifest");
  }
  if (!is_document(type)) {
    throw bad(what, fmt::format("has the unknown type '{}'", printable(type.substr(0, 120))));
  }
  if ((is_index(type) && like_manifest) || (is_manifest(type) && like_index)) {
    throw bad(what, fmt::format("its content does not fit its type {}", type));
  }
  return type;
}

}  // namespace

Document parse_document(std::string_view media_type, std::string_view bytes,
                        std::string_view what) {
  const Json json = parse_json(bytes, what);
  const std::string type = own_type(json, what);
  const std::string_view came_as = without_parameters(media_type);
  // A document that states no type may be Docker's or OCI's, which have the same shape.
  const bool says_type = !string_member(json, "mediaType", what).empty();
  if (is_document(came_as) && came_as != type &&
      (says_type || is_index(came_as) != is_index(type))) {
    throw bad(what, fmt::format("came as {} but is {}", came_as, type));
  }
  const std::string effective = is_document(came_as) ? std::string(came_as) : type;
  if (is_index(type)) {
    return Index{.media_type = effective,
                 .artifact_type = string_member(json, "artifactType", what),
                 .manifests = descriptors(json, "manifests", what),
                 .subject = optional_descriptor(json, "subject", what),
                 .annotations = string_map(json, "annotations", what)};
  }
  const Json* config = json.find("config");
  if (config == nullptr) throw bad(what, "has no config");
  return Manifest{.media_type = effective,
                  .artifact_type = string_member(json, "artifactType", what),
                  .config = descriptor_from(*config, what),
                  .layers = descriptors(json, "layers", what),
                  .subject = optional_descriptor(json, "subject", what),
                  .annotations = string_map(json, "annotations", what)};
}

std::string document_media_type(std::string_view bytes, std::string_view what) {
  return own_type(parse_json(bytes, what), what);
}

std::vector<Descriptor> children(const Document& document) {
  if (const auto* index = std::get_if<Index>(&document)) return index->manifests;
  const auto& manifest = std::get<Manifest>(document);
  std::vector<Descriptor> list = {manifest.config};
  list.insert(list.end(), manifest.layers.begin(), manifest.layers.end());
  return list;
}

std::string to_json(const Manifest& manifest) {
  Json json;
  json["schemaVersion"] = 2;
  json["mediaType"] = manifest.media_type;
  if (!manifest.artifact_type.empty()) json["artifactType"] = manifest.artifact_type;
  json["config"] = json_of(manifest.config);
  json["layers"] = Json::array();
  for (const Descriptor& layer : manifest.layers) json["layers"].push_back(json_of(layer));
  if (manifest.subject) json["subject"] = json_of(*manifest.subject);
  if (!manifest.annotations.empty()) json["annotations"] = manifest.annotations;
  return to_text(json);
}

std::string to_json(const Index& index) {
  Json json;
  json["schemaVersion"] = 2;
  json["mediaType"] = index.media_type;
  if (!index.artifact_type.empty()) json["artifactType"] = index.artifact_type;
  json["manifests"] = Json::array();
  for (const Descriptor& manifest : index.manifests) {
    json["manifests"].push_back(json_of(manifest));
  }
  if (index.subject) json["subject"] = json_of(*index.subject);
  if (!index.annotations.empty()) json["annotations"] = index.annotations;
  return to_text(json);
}

const Descriptor& select_platform(const Index& index, const Platform& wanted,
                                  std::string_view what) {
  for (const Platform& choice : wanted.choices()) {
    for (const Descriptor& manifest : index.manifests) {
      if (manifest.platform && manifest.platform->satisfies(choice)) return manifest;
    }
  }
  std::string present;
  for (const Descriptor& manifest : index.manifests) {
    // What is for an unknown system is an attestation, not an image.
    if (!manifest.platform || manifest.platform->os == "unknown") continue;
    if (!present.empty()) present += ", ";
    present += printable(manifest.platform->str());
  }
  throw Error(ErrorKind::not_found, fmt::format("{} has no image for {}", what, wanted.str()),
              present.empty() ? "" : fmt::format("it has {}", present));
}

Descriptor select_image(Descriptor root, const Platform& wanted,
                        const std::function<std::string(const Descriptor&)>& read,
                        std::string_view what) {
  for (std::size_t depth = 0; is_index(root.media_type); ++depth) {
    if (depth == index_depth_limit) {
      throw Error(ErrorKind::corrupt, fmt::format("{} has indexes in indexes without end", what));
    }
    const Document document = parse_document(root.media_type, read(root), what);
    root = select_platform(std::get<Index>(document), wanted, what);
  }
  return root;
}

const Manifest& manifest_of(const Document& document, std::string_view what) {
  if (const auto* manifest = std::get_if<Manifest>(&document)) return *manifest;
  throw Error(ErrorKind::corrupt, fmt::format("{} is an index where an image is wanted", what));
}

}  // namespace davit::oci
