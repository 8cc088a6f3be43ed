#include "transport/ecr/reconcile.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "oci/base/error.hpp"
#include "oci/base/text.hpp"
#include "transport/ecr/calls.hpp"
#include "transport/ecr/lifecycle.hpp"
#include "transport/ecr/repository_json.hpp"

namespace davit::transport::ecr {
namespace {

using oci::Error;
using oci::ErrorKind;
using oci::Json;

/// Whether two JSON texts say the same, whatever their layout.
bool same_json(const std::string& a, const std::string& b) {
  try {
    return oci::parse_json(a, "a policy") == oci::parse_json(b, "a policy");
  } catch (const Error&) {
    return a == b;
  }
}

std::string mutability_text(const std::string& value, const std::vector<std::string>& exclusions) {
  return exclusions.empty() ? value : fmt::format("{} ({})", value, oci::join(exclusions, ", "));
}

/// Finds differences, one kind after the other.
class Comparison {
 public:
  Comparison(Repositories& repositories, const RepositoryInfo& now,
             const RepositorySettings& settings)
      : repositories_(repositories),
        calls_(repositories.call(), repositories.access(), repositories.host()),
        now_(now),
        settings_(settings) {}

  std::vector<Difference> all() && {
    compare_encryption();
    compare_mutability();
    compare_scan_on_push();
    compare_policies();
    compare_tags();
    return std::move(found_);
  }

 private:
  /// A difference that one call does away with.
  void add(std::string line, std::string operation, Json input) {
    Calls calls = calls_;
    found_.push_back({std::move(line), [calls, operation, input, name = now_.name]() mutable {
                        calls.call(operation, input, "changing " + name);
                      }});
  }

  void compare_encryption() {
    if (settings_.encryption.empty() || settings_.encryption == now_.encryption) return;
    found_.push_back(
        {fmt::format("encryption: {} -> {}", now_.encryption, settings_.encryption), nullptr});
  }

  void compare_mutability() {
    if (!settings_.mutability ||
        (*settings_.mutability == now_.mutability && settings_.exclusions == now_.exclusions)) {
      return;
    }
    Json input = mutability_input(settings_);
    input["repositoryName"] = now_.name;
    add(fmt::format("mutability: {} -> {}", mutability_text(now_.mutability, now_.exclusions),
                    mutability_text(*settings_.mutability, settings_.exclusions)),
        "PutImageTagMutability", std::move(input));
  }

  void compare_scan_on_push() {
    if (!settings_.scan_on_push || *settings_.scan_on_push == now_.scan_on_push) return;
    add(fmt::format("scan on push: {} -> {}", now_.scan_on_push, *settings_.scan_on_push),
        "PutImageScanningConfiguration",
        {{"repositoryName", now_.name},
         {"imageScanningConfiguration", Json{{"scanOnPush", *settings_.scan_on_push}}}});
  }

  void compare_policies() {
    if (settings_.lifecycle) {
      Lifecycle lifecycle(repositories_.call(), repositories_.access(),
                          repositories_.place_of(now_.name));
      const auto change = [lifecycle, text = *settings_.lifecycle]() mutable {
        lifecycle.put(text);
      };
      compare_policy("lifecycle policy", lifecycle.get(), *settings_.lifecycle, change);
    }
    if (settings_.policy) {
      const auto change = [this_repositories = &repositories_, name = now_.name,
                           text = *settings_.policy] { this_repositories->set_policy(name, text); };
      compare_policy("repository policy", repositories_.policy(now_.name), *settings_.policy,
                     change);
    }
  }

  void compare_policy(const std::string& kind, const std::optional<std::string>& before,
                      const std::string& after, std::function<void()> change) {
    if (before && same_json(*before, after)) return;
    found_.push_back({kind + (before ? ": changes" : ": is set"), std::move(change)});
  }

  void compare_tags() {
    if (settings_.tags.empty()) return;
    const std::string what = "reading the tags of " + now_.name;
    const Json answer = calls_.call("ListTagsForResource", {{"resourceArn", now_.arn}}, what);
    std::map<std::string, std::string> before;
    for (const Json& tag : oci::array_member(answer, "tags", what)) {
      if (tag.is_object()) {
        before[oci::string_member(tag, "Key", what)] = oci::string_member(tag, "Value", what);
      }
    }
    for (const auto& [key, value] : settings_.tags) {
      const auto old = before.find(key);
      if (old != before.end() && old->second == value) continue;
      add(fmt::format("tag {}: {} -> {}", key, old == before.end() ? "none" : old->second, value),
          "TagResource", {{"resourceArn", now_.arn}, {"tags", tag_list({{key, value}})}});
    }
  }

  Repositories& repositories_;
  Calls calls_;
  const RepositoryInfo& now_;
  const RepositorySettings& settings_;
  std::vector<Difference> found_;
};

}  // namespace

std::vector<Difference> differences(Repositories& repositories, const RepositoryInfo& now,
                                    const RepositorySettings& settings) {
  settings.check();
  return Comparison(repositories, now, settings).all();
}

std::vector<std::string> reconcile(Repositories& repositories, const std::string& name,
                                   const RepositorySettings& settings, Change change) {
  settings.check();
  const auto now = repositories.find(name);
  if (!now) {
    if (change == Change::yes) repositories.create(name, settings);
    return {"is made"};
  }
  const std::vector<Difference> found = differences(repositories, *now, settings);
  for (const Difference& one : found) {
    if (one.change) continue;
    throw Error(ErrorKind::refused,
                fmt::format("{}: {}, which AWS changes for no repository", name, one.line));
  }
  std::vector<std::string> lines;
  for (const Difference& one : found) {
    if (change == Change::yes) one.change();
    lines.push_back(one.line);
  }
  return lines;
}

}  // namespace davit::transport::ecr
