#include "transport/ecr/repository_settings.hpp"

#include <fmt/format.h>

#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"
#include "oci/model/json.hpp"
#include "transport/ecr/lifecycle.hpp"

namespace davit::transport::ecr {
namespace {

using oci::Error;
using oci::ErrorKind;

constexpr std::size_t exclusion_limit = 5;
constexpr std::size_t policy_limit = 10'240;  // characters

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

}  // namespace davit::transport::ecr
