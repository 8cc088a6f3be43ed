#include "oci/model/descriptor_json.hpp"

#include <fmt/format.h>

#include <array>

#include "oci/base/error.hpp"

namespace davit::oci {
namespace {

constexpr std::array<std::string_view, 8> descriptor_members = {
    "mediaType", "artifactType", "digest", "size", "urls", "annotations", "data", "platform"};

Platform platform_from(const Json& json, std::string_view what) {
  Platform platform;
  platform.os = string_member(json, "os", what);
  platform.architecture = string_member(json, "architecture", what);
  platform.variant = string_member(json, "variant", what);
  platform.os_version = string_member(json, "os.version", what);
  for (const Json& feature : array_member(json, "os.features", what)) {
    if (feature.is_string()) platform.os_features.push_back(feature.string());
  }
  return platform;
}

Json json_of(const Platform& platform) {
  Json json;
  json["architecture"] = platform.architecture;
  json["os"] = platform.os;
  if (!platform.os_version.empty()) json["os.version"] = platform.os_version;
  if (!platform.os_features.empty()) json["os.features"] = platform.os_features;
  if (!platform.variant.empty()) json["variant"] = platform.variant;
  return json;
}

}  // namespace

Annotations string_map(const Json& object, std::string_view key, std::string_view what) {
  Annotations map;
  for (const auto& [name, value] : object_member(object, key, what).members()) {
    if (!value.is_string()) {
      throw Error(ErrorKind::corrupt,
                  fmt::format("{}: '{}' has a value that is not a string", what, key));
    }
    map[name] = value.string();
  }
  return map;
}

Descriptor descriptor_from(const Json& json, std::string_view what) {
  if (!json.is_object()) {
    throw Error(ErrorKind::corrupt, fmt::format("{}: a descriptor is not an object", what));
  }
  refuse_lookalikes(json, descriptor_members, what);
  Descriptor descriptor;
  descriptor.media_type = string_member(json, "mediaType", what);
  descriptor.digest =
      doing(what, [&] { return Digest::parse(string_member(json, "digest", what)); });
  descriptor.size = size_member(json, "size", what);
  descriptor.artifact_type = string_member(json, "artifactType", what);
  descriptor.annotations = string_map(json, "annotations", what);
  if (const Json& platform = object_member(json, "platform", what); !platform.empty()) {
    descriptor.platform = platform_from(platform, what);
  }
  for (const Json& url : array_member(json, "urls", what)) {
    if (url.is_string()) descriptor.urls.push_back(url.string());
  }
  if (const std::string data = string_member(json, "data", what); !data.empty()) {
    descriptor.data = doing(what, [&] { return from_base64(data); });
    if (descriptor.data->size() != descriptor.size ||
        digest_of(bytes_of(*descriptor.data), descriptor.digest.algorithm()) != descriptor.digest) {
      throw Error(ErrorKind::corrupt, fmt::format("{}: the data embedded for {} does not match it",
                                                  what, descriptor.digest.str()));
    }
  }
  return descriptor;
}

Json json_of(const Descriptor& descriptor) {
  Json json;
  json["mediaType"] = descriptor.media_type;
  if (!descriptor.artifact_type.empty()) json["artifactType"] = descriptor.artifact_type;
  json["digest"] = descriptor.digest.str();
  json["size"] = descriptor.size;
  if (!descriptor.urls.empty()) json["urls"] = descriptor.urls;
  if (!descriptor.annotations.empty()) json["annotations"] = descriptor.annotations;
  if (descriptor.data) json["data"] = to_base64(bytes_of(*descriptor.data));
  if (descriptor.platform) json["platform"] = json_of(*descriptor.platform);
  return json;
}

}  // namespace davit::oci
