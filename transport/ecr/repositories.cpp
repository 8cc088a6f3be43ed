#include "transport/ecr/repositories.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"
#include "oci/base/text.hpp"
#include "transport/ecr/calls.hpp"
#include "transport/ecr/lifecycle.hpp"

namespace davit::transport::ecr {
namespace {

using oci::Error;
using oci::ErrorKind;
using oci::Json;

constexpr std::size_t exclusion_limit = 5;
constexpr std::size_t policy_limit = 10'240;  // characters
constexpr std::string_view missing = "RepositoryNotFoundException";

Repository parse_repository(const Json& json, std::string_view what) {
  Repository repository;
  repository.name = oci::string_member(json, "repositoryName", what);
  repository.uri = oci::string_member(json, "repositoryUri", what);
  repository.arn = oci::string_member(json, "repositoryArn", what);
  repository.created = number_member(json, "createdAt");
  repository.mutability = oci::string_member(json, "imageTagMutability", what);
  for (const Json& filter : oci::array_member(json, "imageTagMutabilityExclusionFilters", what)) {
    if (filter.is_object()) {
      repository.exclusions.push_back(oci::string_member(filter, "filter", what));
    }
  }
  repository.scan_on_push =
      flag_member(oci::object_member(json, "imageScanningConfiguration", what), "scanOnPush");
  const Json& encryption = oci::object_member(json, "encryptionConfiguration", what);
  repository.encryption = oci::string_member(encryption, "encryptionType", what);
  repository.kms_key = oci::string_member(encryption, "kmsKey", what);
  return repository;
}

Json exclusion_filters(const std::vector<std::string>& exclusions) {
  Json filters = Json::array();
  for (const std::string& pattern : exclusions) {
    filters.push_back(Json{{"filterType", "WILDCARD"}, {"filter", pattern}});
  }
  return filters;
}

Json mutability_input(const RepositorySettings& settings) {
  Json input = Json::object();
  if (settings.mutability) input["imageTagMutability"] = *settings.mutability;
  if (!settings.exclusions.empty()) {
    input["imageTagMutabilityExclusionFilters"] = exclusion_filters(settings.exclusions);
  }
  return input;
}

Json tag_list(const std::map<std::string, std::string>& tags) {
  Json list = Json::array();
  for (const auto& [key, value] : tags) list.push_back(Json{{"Key", key}, {"Value", value}});
  return list;
}

/// Whether two JSON texts say the same, whatever their layout.
bool same_json(const std::string& a, const std::string& b) {
  try {
    return oci::parse_json(a, "a policy") == oci::parse_json(b, "a policy");
  } catch (const Error&) {
    return a == b;
  }
}

}  // namespace

void RepositorySettings::check() const {
  const auto bad = [](const std::string& why) { throw Error(ErrorKind::usage, why); };
  if (mutability) {
    const std::string& value = *mutability;
    const bool with_exclusion = value.ends_with("_WITH_EXCLUSION");
    if (value != "MUTABLE" && value != "IMMUTABLE" && value != "IMMUTABLE_WITH_EXCLUSION" &&
        value != "MUTABLE_WITH_EXCLUSION") {
      bad(
          fmt::format("mutability is MUTABLE, IMMUTABLE, MUTABLE_WITH_EXCLUSION or "
                      "IMMUTABLE_WITH_EXCLUSION, not '{}'",
                      oci::printable(value)));
    }
    if (with_exclusion == exclusions.empty()) {
      bad(with_exclusion ? value + " needs tag patterns to exclude"
                         : "tag patterns to exclude go with " + value + "_WITH_EXCLUSION");
    }
  } else if (!exclusions.empty()) {
    bad("tag patterns to exclude need a mutability");
  }
  if (exclusions.size() > exclusion_limit) {
    bad(fmt::format("at most {} tag patterns can be excluded", exclusion_limit));
  }
  for (const std::string& pattern : exclusions) {
    if (pattern.empty() || pattern.size() > 128 ||
        pattern.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  "._*-") != std::string::npos) {
      bad(fmt::format("'{}' is no tag pattern", oci::printable(pattern)));
    }
  }
  if (!kms_key.empty() && encryption != "KMS" && encryption != "KMS_DSSE") {
    bad("a KMS key goes with encryption KMS or KMS_DSSE");
  }
  if (lifecycle) validate_lifecycle(*lifecycle, "the lifecycle policy");
  if (policy) {
    if (policy->size() > policy_limit) bad("the repository policy is too long");
    try {
      oci::parse_json(*policy, "the repository policy");
    } catch (const Error& error) {
      bad(error.what());
    }
  }
}

std::vector<Repository> Repositories::list() {
  const std::string what = "listing the repositories";
  std::vector<Repository> all;
  Calls calls(access_, host_);
  for (const Json& json :
       calls.pages("DescribeRepositories", Json::object(), "repositories", what)) {
    all.push_back(parse_repository(json, what));
  }
  std::sort(all.begin(), all.end(),
            [](const Repository& a, const Repository& b) { return a.name < b.name; });
  return all;
}

std::optional<Repository> Repositories::find(const std::string& name) {
  const std::string what = "looking for the repository " + name;
  const auto answer =
      Calls(access_, host_)
          .find("DescribeRepositories", {{"repositoryNames", Json::array({name})}}, missing, what);
  if (!answer) return std::nullopt;
  const Json& found = oci::array_member(*answer, "repositories", what);
  if (found.empty() || !found[0].is_object()) return std::nullopt;
  return parse_repository(found[0], what);
}

Repository Repositories::get(const std::string& name) {
  auto found = find(name);
  if (!found) {
    throw Error(ErrorKind::not_found, fmt::format("there is no repository {}", name),
                oci::Advice::create_repository, name);
  }
  return *found;
}

std::optional<Repository> Repositories::create(const std::string& name,
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
      Calls(access_, host_)
          .find("CreateRepository", std::move(input), "RepositoryAlreadyExistsException", what);
  if (!answer) return std::nullopt;
  const Repository made = parse_repository(oci::object_member(*answer, "repository", what), what);
  if (settings.lifecycle) {
    Place place;
    place.host = host_;
    place.name = name;
    Lifecycle(access_, place).put(*settings.lifecycle);
  }
  if (settings.policy) set_policy(name, *settings.policy);
  return made;
}

std::vector<std::string> Repositories::apply(const std::string& name,
                                             const RepositorySettings& settings, Change change) {
  settings.check();
  const bool act = change == Change::yes;
  const std::optional<Repository> now = find(name);
  if (!now) {
    if (act) create(name, settings);
    return {"is made"};
  }
  Calls calls(access_, host_);
  std::vector<std::string> changes;

  if (settings.mutability &&
      (*settings.mutability != now->mutability || settings.exclusions != now->exclusions)) {
    const auto shown = [](const std::string& value, const std::vector<std::string>& exclusions) {
      return exclusions.empty() ? value
                                : fmt::format("{} ({})", value, oci::join(exclusions, ", "));
    };
    changes.push_back(fmt::format("mutability: {} -> {}", shown(now->mutability, now->exclusions),
                                  shown(*settings.mutability, settings.exclusions)));
    Json input = mutability_input(settings);
    input["repositoryName"] = name;
    if (act) calls.call("PutImageTagMutability", std::move(input), "changing " + name);
  }
  if (settings.scan_on_push && *settings.scan_on_push != now->scan_on_push) {
    changes.push_back(
        fmt::format("scan on push: {} -> {}", now->scan_on_push, *settings.scan_on_push));
    if (act) {
      calls.call("PutImageScanningConfiguration",
                 {{"repositoryName", name},
                  {"imageScanningConfiguration", {{"scanOnPush", *settings.scan_on_push}}}},
                 "changing " + name);
    }
  }
  if (!settings.encryption.empty() && settings.encryption != now->encryption) {
    throw Error(ErrorKind::refused,
                fmt::format("{} is encrypted by {}, and AWS changes that to {} for no repository",
                            name, now->encryption, settings.encryption));
  }
  Place place;
  place.host = host_;
  place.name = name;
  if (settings.lifecycle) {
    Lifecycle lifecycle(access_, place);
    const auto before = lifecycle.get();
    if (!before || !same_json(*before, *settings.lifecycle)) {
      changes.push_back(before ? "lifecycle policy: changes" : "lifecycle policy: is set");
      if (act) lifecycle.put(*settings.lifecycle);
    }
  }
  if (settings.policy) {
    const auto before = policy(name);
    if (!before || !same_json(*before, *settings.policy)) {
      changes.push_back(before ? "repository policy: changes" : "repository policy: is set");
      if (act) set_policy(name, *settings.policy);
    }
  }
  if (!settings.tags.empty()) {
    const Json answer = calls.call("ListTagsForResource", {{"resourceArn", now->arn}},
                                   "reading the tags of " + name);
    std::map<std::string, std::string> before;
    for (const Json& tag : oci::array_member(answer, "tags", name)) {
      if (tag.is_object()) {
        before[oci::string_member(tag, "Key", name)] = oci::string_member(tag, "Value", name);
      }
    }
    std::map<std::string, std::string> differing;
    for (const auto& [key, value] : settings.tags) {
      const auto old = before.find(key);
      if (old == before.end() || old->second != value) differing[key] = value;
    }
    for (const auto& [key, value] : differing) {
      changes.push_back(
          fmt::format("tag {}: {} -> {}", key, before.contains(key) ? before[key] : "none", value));
    }
    if (act && !differing.empty()) {
      calls.call("TagResource", {{"resourceArn", now->arn}, {"tags", tag_list(differing)}},
                 "tagging " + name);
    }
  }
  return changes;
}

void Repositories::remove(const std::string& name, bool with_images) {
  Calls(access_, host_)
      .call("DeleteRepository", {{"repositoryName", name}, {"force", with_images}},
            "deleting the repository " + name);
}

std::optional<std::string> Repositories::policy(const std::string& name) {
  const std::string what = "reading the policy of " + name;
  const auto answer = Calls(access_, host_)
                          .find("GetRepositoryPolicy", {{"repositoryName", name}},
                                "RepositoryPolicyNotFoundException", what);
  if (!answer) return std::nullopt;
  return oci::string_member(*answer, "policyText", what);
}

void Repositories::set_policy(const std::string& name, const std::string& json) {
  RepositorySettings settings;
  settings.policy = json;
  settings.check();
  Calls(access_, host_)
      .call("SetRepositoryPolicy", {{"repositoryName", name}, {"policyText", json}},
            "setting the policy of " + name);
}

}  // namespace davit::transport::ecr
