#include "src/ops/deploy.hpp"

#include <fmt/format.h>

#include "oci/base/error.hpp"
#include "oci/model/json.hpp"

namespace davit::app {
namespace {

using oci::Error;
using oci::ErrorKind;
using oci::Json;

constexpr std::string_view version_key = "AWSEBDockerrunVersion";

Json parse(std::string_view before, std::string_view what, Json otherwise) {
  return before.empty() ? otherwise : oci::parse_json(before, what);
}

std::string text_of(const Json& json) { return oci::to_text(json, "  ") + "\n"; }

[[noreturn]] void bad(std::string_view what, std::string_view why) {
  throw Error(ErrorKind::corrupt, fmt::format("{}: {}", what, why));
}

}  // namespace

std::string ecs_definitions(std::string_view before, std::string_view what,
                            const std::string& container, const std::string& image) {
  Json json = parse(before, what, Json::array());
  if (!json.is_array()) bad(what, "is no JSON array of containers");
  for (Json& one : json) {
    if (!one.is_object()) bad(what, "is no JSON array of containers");
    if (oci::string_member(one, "name", what) != container) continue;
    one["imageUri"] = image;
    return text_of(json);
  }
  json.push_back(Json{{"name", container}, {"imageUri", image}});
  return text_of(json);
}

std::string beanstalk_run(std::string_view before, std::string_view what, const std::string& image,
                          std::size_t port) {
  Json json = parse(before, what, Json{{version_key.data(), "1"}});
  if (!json.is_object()) bad(what, "is no JSON object");
  const Json* version = json.find(version_key);
  if (version == nullptr || *version != Json("1")) {
    bad(what,
        fmt::format("'{}' is not \"1\": other versions name their images elsewhere", version_key));
  }
  Json& entry = json["Image"];
  if (!entry.is_object()) entry = Json{{"Name", image}, {"Update", "true"}};
  entry["Name"] = image;
  if (port != 0) json["Ports"] = Json::array({Json{{"ContainerPort", port}}});
  return text_of(json);
}

std::string terraform_variables(std::string_view before, std::string_view what,
                                const std::string& variable, const std::string& image) {
  Json json = parse(before, what, Json::object());
  if (!json.is_object()) bad(what, "is no JSON object");
  json[variable] = image;
  return text_of(json);
}

}  // namespace davit::app
