#include "oci/model/config.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "oci/base/error.hpp"
#include "oci/model/descriptor_json.hpp"

namespace davit::oci {
namespace {

constexpr std::string_view what_base = "the base image's configuration";

std::vector<std::string> keys(const Json& object, std::string_view key, std::string_view what) {
  std::vector<std::string> list;
  for (const auto& [name, value] : object_member(object, key, what).members()) list.push_back(name);
  std::sort(list.begin(), list.end());
  return list;
}

Error wrong_type(std::string_view key) {
  return Error(ErrorKind::corrupt, fmt::format("{}: '{}' has the wrong type", what_base, key));
}

/// Gives back a member that is sure to be an array: `null` and absence count as empty.
Json& ensure_array(Json& object, std::string_view key) {
  Json& member = object[key];
  if (member.is_null()) member = Json::array();
  if (!member.is_array()) throw wrong_type(key);
  return member;
}

/// The same for an object.
Json& ensure_object(Json& object, std::string_view key) {
  Json& member = object[key];
  if (member.is_null()) member = Json::object();
  if (!member.is_object()) throw wrong_type(key);
  return member;
}

void set_env(Json& list, const std::string& assignment) {
  const auto equals = assignment.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw Error(ErrorKind::usage, fmt::format("the environment variable '{}' is not NAME=VALUE",
                                              printable(assignment)));
  }
  const std::string prefix = assignment.substr(0, equals + 1);
  for (Json& item : list) {
    if (item.is_string() && item.string().starts_with(prefix)) {
      item = assignment;
      return;
    }
  }
  list.push_back(assignment);
}

/// Podman and quay.io want an entry of the history for every layer. Entries that the base lacks are
/// added before ours.
void pad_history(Json& history, std::size_t layers) {
  const auto present =
      static_cast<std::size_t>(std::count_if(history.begin(), history.end(), [](const Json& entry) {
        const Json* empty = entry.find("empty_layer");
        return empty == nullptr || !empty->is_true();
      }));
  for (std::size_t i = present; i < layers; ++i) {
    history.push_back(Json{{"comment", "layer of the base image"}});
  }
}

void change_runtime(Json& config, const ConfigChanges& changes) {
  for (const std::string& assignment : changes.env) {
    set_env(ensure_array(config, "Env"), assignment);
  }
  if (changes.entrypoint) {
    config["Entrypoint"] = *changes.entrypoint;
    config.erase("Cmd");
  }
  if (changes.cmd) config["Cmd"] = *changes.cmd;
  if (changes.working_dir) config["WorkingDir"] = *changes.working_dir;
  if (changes.user) config["User"] = *changes.user;
  if (changes.stop_signal) config["StopSignal"] = *changes.stop_signal;
  if (changes.healthcheck) config["Healthcheck"] = Json{{"Test", *changes.healthcheck}};
  for (const std::string& port : changes.exposed_ports) {
    ensure_object(config, "ExposedPorts")[port] = Json::object();
  }
  for (const std::string& volume : changes.volumes) {
    ensure_object(config, "Volumes")[volume] = Json::object();
  }
  for (const auto& [name, value] : changes.labels) {
    ensure_object(config, "Labels")[name] = value;
  }
}

/// What the platform does not say stays as in the base, unless the base is for another machine.
void change_platform(Json& json, const Platform& platform) {
  if (json["os"] != platform.os || json["architecture"] != platform.architecture) {
    for (const char* key : {"variant", "os.version", "os.features"}) json.erase(key);
  }
  json["os"] = platform.os;
  json["architecture"] = platform.architecture;
  if (!platform.variant.empty()) json["variant"] = platform.variant;
  if (!platform.os_version.empty()) json["os.version"] = platform.os_version;
}

}  // namespace

ImageConfig parse_config(std::string_view bytes, std::string_view what) {
  const Json json = parse_json(bytes, what);
  if (!json.is_object()) throw Error(ErrorKind::corrupt, fmt::format("{}: not an object", what));
  ImageConfig config;
  config.platform.os = string_member(json, "os", what);
  config.platform.architecture = string_member(json, "architecture", what);
  config.platform.variant = string_member(json, "variant", what);
  config.platform.os_version = string_member(json, "os.version", what);
  config.created = string_member(json, "created", what);
  config.author = string_member(json, "author", what);
  for (const std::string& diff_id :
       strings_member(object_member(json, "rootfs", what), "diff_ids", what)) {
    config.diff_ids.push_back(doing(what, [&] { return Digest::parse(diff_id); }));
  }
  for (const Json& entry : array_member(json, "history", what)) {
    if (!entry.is_object()) {
      throw Error(ErrorKind::corrupt,
                  fmt::format("{}: 'history' has a member that is not an object", what));
    }
    const Json* empty = entry.find("empty_layer");
    config.history.push_back({.created = string_member(entry, "created", what),
                              .created_by = string_member(entry, "created_by", what),
                              .author = string_member(entry, "author", what),
                              .comment = string_member(entry, "comment", what),
                              .empty_layer = empty != nullptr && empty->is_true()});
  }
  const Json& run = object_member(json, "config", what);
  config.env = strings_member(run, "Env", what);
  config.entrypoint = strings_member(run, "Entrypoint", what);
  config.cmd = strings_member(run, "Cmd", what);
  config.working_dir = string_member(run, "WorkingDir", what);
  config.user = string_member(run, "User", what);
  config.labels = string_map(run, "Labels", what);
  config.exposed_ports = keys(run, "ExposedPorts", what);
  config.volumes = keys(run, "Volumes", what);
  return config;
}

std::string derive_config(std::optional<std::string_view> base, const ConfigChanges& changes) {
  Json json = base ? parse_json(*base, what_base) : Json::object();
  if (!json.is_object()) {
    throw Error(ErrorKind::corrupt, fmt::format("{}: not an object", what_base));
  }
  if (changes.platform) change_platform(json, *changes.platform);
  if (string_member(json, "os", what_base).empty() ||
      string_member(json, "architecture", what_base).empty()) {
    throw Error(ErrorKind::usage, "an image needs a platform, and its base has none");
  }
  json["created"] = changes.created;
  if (changes.author) json["author"] = *changes.author;
  change_runtime(ensure_object(json, "config"), changes);

  ensure_object(json, "rootfs")["type"] = "layers";
  ensure_array(json["rootfs"], "diff_ids");
  Json& history = ensure_array(json, "history");
  Json& diff_ids = json["rootfs"]["diff_ids"];
  pad_history(history, diff_ids.size());
  for (const ConfigChanges::Layer& layer : changes.layers) {
    diff_ids.push_back(layer.diff_id.str());
    Json entry = {{"created", changes.created}, {"created_by", layer.created_by}};
    if (changes.author) entry["author"] = *changes.author;
    if (!layer.comment.empty()) entry["comment"] = layer.comment;
    history.push_back(std::move(entry));
  }
  if (changes.layers.empty()) {
    history.push_back(
        {{"created", changes.created}, {"created_by", changes.created_by}, {"empty_layer", true}});
  }
  json.sort();
  return to_text(json);
}

}  // namespace davit::oci
