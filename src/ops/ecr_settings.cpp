#include "src/ops/ecr_settings.hpp"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <filesystem>

#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"
#include "oci/base/file.hpp"
#include "oci/model/json.hpp"
#include "oci/model/reference.hpp"

namespace davit::app {
namespace {

using oci::Error;
using oci::ErrorKind;
using oci::Json;
using transport::ecr::RepositorySettings;

constexpr std::uint64_t file_limit = 1 * oci::MiB;
constexpr int depth_limit = 32;

/// A value of YAML as JSON: a plain scalar that is a number, true, false or null is one.
Json to_json(const YAML::Node& node, int depth = 0) {
  if (depth > depth_limit) throw Error(ErrorKind::usage, "it is nested too deep");
  if (node.IsMap()) {
    Json object = Json::object();
    for (const auto& entry : node) {
      object[entry.first.as<std::string>()] = to_json(entry.second, depth + 1);
    }
    return object;
  }
  if (node.IsSequence()) {
    Json array = Json::array();
    for (const YAML::Node& element : node) array.push_back(to_json(element, depth + 1));
    return array;
  }
  if (node.IsNull()) return nullptr;
  if (node.Tag() == "?") {
    std::int64_t number = 0;
    bool flag = false;
    if (YAML::convert<std::int64_t>::decode(node, number)) return number;
    if (YAML::convert<bool>::decode(node, flag)) return flag;
  }
  return node.as<std::string>();
}

/// A policy that stands here, or in the file of this name.
std::string policy_text(const YAML::Node& node, const std::filesystem::path& file) {
  if (!node.IsScalar()) return oci::to_text(to_json(node));
  const std::string text = node.as<std::string>();
  if (text.find('{') != std::string::npos) return text;
  return oci::read_file(file.parent_path() / text, file_limit);
}

RepositorySettings settings_of(const YAML::Node& node, const std::filesystem::path& file) {
  if (!node.IsMap()) throw Error(ErrorKind::usage, "it is no map of settings");
  RepositorySettings settings;
  for (const auto& entry : node) {
    const std::string key = entry.first.as<std::string>();
    const YAML::Node& value = entry.second;
    if (key == "mutability") {
      settings.mutability = value.as<std::string>();
    } else if (key == "exclude") {
      settings.exclusions = value.as<std::vector<std::string>>();
    } else if (key == "scan_on_push") {
      settings.scan_on_push = value.as<bool>();
    } else if (key == "encryption") {
      set_encryption(settings, value.as<std::string>());
    } else if (key == "kms_key") {
      settings.kms_key = value.as<std::string>();
    } else if (key == "tags") {
      settings.tags = value.as<std::map<std::string, std::string>>();
    } else if (key == "lifecycle") {
      settings.lifecycle = policy_text(value, file);
    } else if (key == "policy") {
      settings.policy = policy_text(value, file);
    } else if (key != "name") {
      throw Error(ErrorKind::usage, fmt::format("'{}' is not known", oci::printable(key)));
    }
  }
  settings.check();
  return settings;
}

/// Calls `read` with the document of a file. What is wrong with it is Error(usage) naming the file.
template <class Read>
auto with_yaml(const std::string& file, const Read& read) {
  const std::string name = file == "-" ? "standard input" : oci::printable(file);
  const std::string text = oci::read_file(file == "-" ? "/dev/stdin" : file, file_limit);
  try {
    return read(YAML::Load(text));
  } catch (const YAML::Exception& error) {
    throw Error(ErrorKind::usage, fmt::format("{}: line {}: {}", name, error.mark.line + 1,
                                              oci::printable(error.msg)));
  } catch (const Error& error) {
    throw error.during(name);
  }
}

}  // namespace

void set_encryption(RepositorySettings& settings, const std::string& text) {
  const auto colon = text.find(':');
  settings.encryption = text.substr(0, colon);
  settings.kms_key = colon == std::string::npos ? "" : text.substr(colon + 1);
  if (settings.encryption != "AES256" && settings.encryption != "KMS" &&
      settings.encryption != "KMS_DSSE") {
    throw Error(ErrorKind::usage, fmt::format("encryption is AES256, KMS[:KEY] or KMS_DSSE[:KEY], "
                                              "not '{}'",
                                              oci::printable(text)));
  }
}

RepositorySettings parse_settings(const std::string& file) {
  return with_yaml(file, [&](const YAML::Node& node) { return settings_of(node, file); });
}

Declaration parse_declaration(const std::string& file) {
  return with_yaml(file, [&](const YAML::Node& node) {
    Declaration declaration;
    if (!node.IsMap()) throw Error(ErrorKind::usage, "it has no repositories");
    YAML::Node defaults;
    for (const auto& entry : node) {
      const std::string key = entry.first.as<std::string>();
      if (key == "registry") {
        declaration.registry = entry.second.as<std::string>();
      } else if (key == "defaults") {
        defaults = entry.second;
      } else if (key != "repositories") {
        throw Error(ErrorKind::usage, fmt::format("'{}' is not known", oci::printable(key)));
      }
    }
    for (const YAML::Node& repository : node["repositories"]) {
      if (!repository.IsMap() || !repository["name"]) {
        throw Error(ErrorKind::usage, "a repository has no name");
      }
      const std::string name = repository["name"].as<std::string>();
      if (!oci::is_repository(name)) {
        throw Error(ErrorKind::usage,
                    fmt::format("'{}' is no repository's name", oci::printable(name)));
      }
      // A setting of its own goes before a default.
      YAML::Node merged(YAML::NodeType::Map);
      for (const YAML::Node& from : {defaults, repository}) {
        for (const auto& entry : from) merged[entry.first.as<std::string>()] = entry.second;
      }
      declaration.repositories.emplace_back(
          name, oci::doing(name, [&] { return settings_of(merged, file); }));
    }
    return declaration;
  });
}

}  // namespace davit::app
