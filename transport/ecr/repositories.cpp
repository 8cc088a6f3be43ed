#include "transport/ecr/repositories.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "oci/base/error.hpp"
#include "oci/base/log.hpp"
#include "transport/ecr/calls.hpp"
#include "transport/ecr/lifecycle.hpp"
#include "transport/ecr/repository_json.hpp"

namespace davit::transport::ecr {
namespace {

using oci::Error;
using oci::ErrorKind;
using oci::Json;

constexpr std::string_view missing = "RepositoryNotFoundException";

}  // namespace

std::vector<RepositoryInfo> Repositories::list() {
  const std::string what = "listing the repositories";
  std::vector<RepositoryInfo> all;
  Calls calls(call_, access_, host_);
  for (const Json& json :
       calls.pages("DescribeRepositories", Json::object(), "repositories", what)) {
    all.push_back(parse_repository(json, what));
  }
  std::sort(all.begin(), all.end(),
            [](const RepositoryInfo& a, const RepositoryInfo& b) { return a.name < b.name; });
  return all;
}

std::optional<RepositoryInfo> Repositories::find(const std::string& name) {
  const std::string what = "looking for the repository " + name;
  const auto answer =
      Calls(call_, access_, host_)
          .find("DescribeRepositories", {{"repositoryNames", Json::array({name})}}, missing, what);
  if (!answer) return std::nullopt;
  const Json& found = oci::array_member(*answer, "repositories", what);
  if (found.empty() || !found[0].is_object()) return std::nullopt;
  return parse_repository(found[0], what);
}

RepositoryInfo Repositories::get(const std::string& name) {
  auto found = find(name);
  if (!found) {
    throw Error(ErrorKind::not_found, fmt::format("there is no repository {}", name),
                oci::Advice::create_repository, name);
  }
  return *found;
}

Place Repositories::place_of(const std::string& name) const {
  Place place;
  place.host = host_;
  place.name = name;
  return place;
}

std::optional<RepositoryInfo> Repositories::create(const std::string& name,
                                                   const RepositorySettings& settings) {
  settings.check();
  const std::string what = "creating the repository " + name;
  Json input = mutability_input(settings);
  input["repositoryName"] = name;
  if (settings.scan_on_push) {
    input["imageScanningConfiguration"] = Json{{"scanOnPush", *settings.scan_on_push}};
  }
  if (!settings.encryption.empty()) {
    input["encryptionConfiguration"] = Json{{"encryptionType", settings.encryption}};
    if (!settings.kms_key.empty()) input["encryptionConfiguration"]["kmsKey"] = settings.kms_key;
  }
  if (!settings.tags.empty()) input["tags"] = tag_list(settings.tags);
  const auto answer =
      Calls(call_, access_, host_)
          .find("CreateRepository", std::move(input), "RepositoryAlreadyExistsException", what);
  if (!answer) {
    for (const std::string& set : complete(name, settings, Change::yes)) {
      oci::log(oci::LogLevel::info, fmt::format("{} had no {}, which is set now", name, set));
    }
    return std::nullopt;
  }
  RepositoryInfo made = parse_repository(oci::object_member(*answer, "repository", what), what);
  if (settings.lifecycle) Lifecycle(call_, access_, place_of(name)).put(*settings.lifecycle);
  if (settings.policy) set_policy(name, *settings.policy);
  return made;
}

std::vector<std::string> Repositories::complete(const std::string& name,
                                                const RepositorySettings& settings, Change change) {
  std::vector<std::string> lacking;
  const auto is_lacking = [&](const std::string& kind, const auto& read) {
    try {
      if (read()) return false;
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::denied) throw;
      oci::log(oci::LogLevel::warning,
               fmt::format("{}; the {} stays as it is", error.what(), kind));
      return false;
    }
    lacking.push_back(kind);
    return change == Change::yes;
  };
  const Place place = place_of(name);
  Lifecycle lifecycle(call_, access_, place);
  if (settings.lifecycle && is_lacking("lifecycle policy", [&] { return lifecycle.get(); })) {
    lifecycle.put(*settings.lifecycle);
  }
  if (settings.policy && is_lacking("repository policy", [&] { return policy(name); })) {
    set_policy(name, *settings.policy);
  }
  return lacking;
}

void Repositories::remove(const std::string& name, bool with_images) {
  Calls(call_, access_, host_)
      .call("DeleteRepository", {{"repositoryName", name}, {"force", with_images}},
            "deleting the repository " + name);
}

std::optional<std::string> Repositories::policy(const std::string& name) {
  const std::string what = "reading the policy of " + name;
  const auto answer = Calls(call_, access_, host_)
                          .find("GetRepositoryPolicy", {{"repositoryName", name}},
                                "RepositoryPolicyNotFoundException", what);
  if (!answer) return std::nullopt;
  return oci::string_member(*answer, "policyText", what);
}

void Repositories::set_policy(const std::string& name, const std::string& json) {
  RepositorySettings settings;
  settings.policy = json;
  settings.check();
  Calls(call_, access_, host_)
      .call("SetRepositoryPolicy", {{"repositoryName", name}, {"policyText", json}},
            "setting the policy of " + name);
}

}  // namespace davit::transport::ecr
