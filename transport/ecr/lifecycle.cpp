#include "transport/ecr/lifecycle.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"
#include "oci/base/tasks.hpp"
#include "transport/ecr/calls.hpp"

namespace davit::transport::ecr {
namespace {

using oci::Error;
using oci::ErrorKind;
using oci::Json;

constexpr std::size_t rule_limit = 50;
constexpr std::size_t size_limit = 30'720;  // characters
constexpr std::size_t least_size = 100;
constexpr std::uint64_t least_archived_days = 90;
constexpr int wildcard_limit = 4;

// AWS's own waiter: 20 looks, 5 seconds apart; the first are sooner, since most take one second.
constexpr int looks = 50;
constexpr std::chrono::seconds between_looks{2};

/// A list that never comes to an end is not followed for ever: pages of 100.
constexpr int page_limit = 10'000;

constexpr std::string_view absent = "LifecyclePolicyNotFoundException";

/// Checks one rule of a policy.
class Rule {
 public:
  Rule(const Json& rule, std::string name) : rule_(rule), name_(std::move(name)) {}

  void check() {
    only(rule_, {"rulePriority", "description", "selection", "action"}, "");
    if (priority() == 0) bad("rulePriority is a number from 1 on");
    check_selection();
    check_action();
  }

  std::uint64_t priority() const { return number(rule_, "rulePriority"); }
  std::string tag_status() const { return text(selection(), "tagStatus"); }

 private:
  const Json& selection() const { return oci::object_member(rule_, "selection", name_); }
  const Json& action() const { return oci::object_member(rule_, "action", name_); }
  std::string count_type() const { return text(selection(), "countType"); }

  [[noreturn]] void bad(std::string_view why) const {
    throw Error(ErrorKind::usage, fmt::format("{}: {}", name_, why));
  }

  std::string text(const Json& object, const char* key) const {
    return oci::string_member(object, key, name_);
  }

  std::uint64_t number(const Json& object, const char* key) const {
    const Json* found = object.find(key);
    return found != nullptr && found->is_unsigned() ? found->whole() : 0;
  }

  void only(const Json& object, const std::set<std::string>& keys, std::string_view where) const {
    for (const auto& [key, value] : object.members()) {
      if (!keys.contains(key)) {
        bad(fmt::format("{}'{}' is no member that AWS knows", where, oci::printable(key)));
      }
    }
  }

  void check_selection() const {
    const Json& select = selection();
    only(select,
         {"tagStatus", "tagPatternList", "tagPrefixList", "storageClass", "countType", "countUnit",
          "countNumber"},
         "selection: ");
    const std::string status = tag_status();
    if (status != "tagged" && status != "untagged" && status != "any") {
      bad("tagStatus is tagged, untagged or any");
    }
    check_tags(select, status == "tagged");
    const std::string type = count_type();
    static const std::set<std::string> types = {"imageCountMoreThan", "sinceImagePushed",
                                                "sinceImagePulled", "sinceImageTransitioned"};
    if (!types.contains(type)) {
      bad("countType is imageCountMoreThan, sinceImagePushed, sinceImagePulled or "
          "sinceImageTransitioned");
    }
    const bool days = type != "imageCountMoreThan";
    if (days != select.contains("countUnit") || (days && text(select, "countUnit") != "days")) {
      bad(days ? "countUnit is days" : "countUnit goes with counts of days alone");
    }
    if (number(select, "countNumber") == 0) bad("countNumber is a number from 1 on");
    const std::string storage = text(select, "storageClass");
    if (!storage.empty() && storage != "standard" && storage != "archive") {
      bad("storageClass is standard or archive");
    }
    if (type == "sinceImageTransitioned" && storage != "archive") {
      bad("sinceImageTransitioned needs storageClass archive");
    }
  }

  void check_tags(const Json& select, bool tagged) const {
    const Json& patterns = oci::array_member(select, "tagPatternList", name_);
    const Json& prefixes = oci::array_member(select, "tagPrefixList", name_);
    if (!tagged) {
      if (!patterns.empty() || !prefixes.empty()) {
        bad("tagPatternList and tagPrefixList go with tagStatus tagged alone");
      }
      return;
    }
    if (patterns.empty() == prefixes.empty()) {
      bad("tagStatus tagged needs tagPatternList or tagPrefixList, one of the two");
    }
    for (const Json& pattern : patterns.empty() ? prefixes : patterns) {
      if (!pattern.is_string() || pattern.string().empty()) {
        bad("a tag pattern is a text");
      }
      const std::string& value = pattern.string();
      if (std::count(value.begin(), value.end(), '*') > wildcard_limit) {
        bad(fmt::format("'{}' has more than {} wildcards", oci::printable(value), wildcard_limit));
      }
    }
  }

  void check_action() const {
    only(action(), {"type", "targetStorageClass"}, "action: ");
    const std::string type = text(action(), "type");
    if (type != "expire" && type != "transition") bad("action type is expire or transition");
    const bool transition = type == "transition";
    if (transition != (text(action(), "targetStorageClass") == "archive")) {
      bad(transition ? "transition needs targetStorageClass archive"
                     : "targetStorageClass goes with transition alone");
    }
    if (count_type() == "sinceImagePulled" && !transition) {
      bad("sinceImagePulled works with transition alone: nothing would expire");
    }
    if (count_type() == "sinceImageTransitioned" && !transition &&
        number(selection(), "countNumber") < least_archived_days) {
      bad(fmt::format("archived images expire after {} days at the soonest", least_archived_days));
    }
  }

  const Json& rule_;
  const std::string name_;
};

}  // namespace

void validate_lifecycle(std::string_view json, std::string_view what) {
  Json policy;
  try {
    policy = oci::parse_json(json, what);
  } catch (const Error& error) {
    throw Error(ErrorKind::usage, error.what());
  }
  const auto bad = [&](std::string_view why) {
    throw Error(ErrorKind::usage, fmt::format("{}: {}", what, why));
  };
  if (json.size() > size_limit) bad(fmt::format("is longer than {} characters", size_limit));
  if (json.size() < least_size) bad(fmt::format("is shorter than {} characters", least_size));
  if (!policy.is_object() || policy.size() != 1 || !policy.contains("rules") ||
      !policy["rules"].is_array()) {
    bad("is not {\"rules\": [...]}");
  }
  const Json& rules = policy["rules"];
  if (rules.empty() || rules.size() > rule_limit) bad(fmt::format("has 1 to {} rules", rule_limit));

  std::set<std::uint64_t> priorities;
  std::optional<std::uint64_t> any;
  try {
    for (std::size_t i = 0; i < rules.size(); ++i) {
      if (!rules[i].is_object()) bad(fmt::format("rule {} is no object", i + 1));
      const Json* number = rules[i].find("rulePriority");
      const bool named = number != nullptr && number->is_unsigned();
      Rule rule(rules[i],
                named ? fmt::format("{}: the rule with rulePriority {}", what, number->whole())
                      : fmt::format("{}: rule {}", what, i + 1));
      rule.check();
      if (!priorities.insert(rule.priority()).second) {
        bad(fmt::format("two rules have rulePriority {}", rule.priority()));
      }
      if (rule.tag_status() == "any") any = rule.priority();
    }
  } catch (const Error& error) {
    // A member of another type than the schema's.
    throw Error(ErrorKind::usage, error.what());
  }
  if (any && *any != *priorities.rbegin()) {
    bad(
        fmt::format("the rule with rulePriority {} has tagStatus any, and so must have the "
                    "greatest rulePriority",
                    *any));
  }
}

std::string Lifecycle::what(std::string_view doing) const {
  return fmt::format("{} the lifecycle policy of {}", doing, place_.name);
}

std::optional<std::string> Lifecycle::get() {
  const auto answer =
      Calls(call_, access_, place_.host)
          .find("GetLifecyclePolicy", {{"repositoryName", place_.name}}, absent, what("reading"));
  if (!answer) return std::nullopt;
  return oci::string_member(*answer, "lifecyclePolicyText", what("reading"));
}

void Lifecycle::put(std::string_view policy) {
  validate_lifecycle(policy, "the lifecycle policy");
  Calls(call_, access_, place_.host)
      .call("PutLifecyclePolicy",
            {{"repositoryName", place_.name}, {"lifecyclePolicyText", std::string(policy)}},
            what("setting"));
}

bool Lifecycle::remove() {
  return Calls(call_, access_, place_.host)
      .find("DeleteLifecyclePolicy", {{"repositoryName", place_.name}}, absent, what("deleting"))
      .has_value();
}

std::vector<LifecycleAction> Lifecycle::preview(std::optional<std::string_view> policy) {
  if (policy) validate_lifecycle(*policy, "the lifecycle policy");
  Calls calls(call_, access_, place_.host);
  const std::string doing = what("previewing");
  Json input{{"repositoryName", place_.name}};
  if (policy) input["lifecyclePolicyText"] = std::string(*policy);
  // One that somebody else has begun would answer for another policy: wait until it is done.
  for (int look = 0; !calls.find("StartLifecyclePolicyPreview", input,
                                 "LifecyclePolicyPreviewInProgressException", doing);
       ++look) {
    if (look == looks)
      throw Error(ErrorKind::unavailable, doing + ": another preview is under way");
    oci::sleep_for(call_, between_looks);
  }
  Json query{{"repositoryName", place_.name}, {"maxResults", 100}};
  std::vector<LifecycleAction> actions;
  int pages = 0;
  for (int look = 0; look < looks && pages < page_limit;) {
    const Json answer = calls.call("GetLifecyclePolicyPreview", query, doing);
    const std::string status = oci::string_member(answer, "status", doing);
    if (status == "IN_PROGRESS") {
      oci::sleep_for(call_, look++ == 0 ? std::chrono::milliseconds(200) : between_looks);
      continue;
    }
    if (status != "COMPLETE") {
      throw Error(ErrorKind::failed,
                  fmt::format("{}: it ended as {}", doing, oci::printable(status)));
    }
    for (const Json& result : oci::array_member(answer, "previewResults", doing)) {
      if (!result.is_object()) continue;
      LifecycleAction action;
      action.digest = oci::string_member(result, "imageDigest", doing);
      action.tags = texts_member(result, "imageTags", doing);
      action.pushed = number_member(result, "imagePushedAt");
      action.action =
          oci::string_member(oci::object_member(result, "action", doing), "type", doing);
      action.rule = static_cast<std::uint64_t>(number_member(result, "appliedRulePriority"));
      actions.push_back(std::move(action));
    }
    const std::string next = oci::string_member(answer, "nextToken", doing);
    if (next.empty()) return actions;
    ++pages;
    query["nextToken"] = next;
  }
  if (pages == page_limit) throw Error(ErrorKind::failed, doing + ": the list has no end");
  throw Error(ErrorKind::unavailable, doing + ": the service is still at it");
}

}  // namespace davit::transport::ecr
