#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "transport/ecr/access.hpp"
#include "transport/ecr/place.hpp"

namespace davit::transport::ecr {

/// Throws Error(usage) naming the rule and the reason where a lifecycle policy breaks AWS's schema
/// (Amazon ECR User Guide, "Lifecycle policy properties"), so that nothing is sent that would be
/// refused or, worse, would do something else. `what` names the policy.
void validate_lifecycle(std::string_view json, std::string_view what);

/// What a policy would do to an image.
struct LifecycleAction {
  std::string digest;
  std::vector<std::string> tags;
  std::int64_t pushed = 0;  ///< seconds since 1970
  std::string action;       ///< "EXPIRE", "TRANSITION"
  std::uint64_t rule = 0;   ///< its priority
};

/// A repository's lifecycle policy.
class Lifecycle {
 public:
  Lifecycle(const oci::Call& call, Access& access, Place place)
      : call_(call), access_(access), place_(std::move(place)) {}

  /// Nothing if there is none.
  std::optional<std::string> get();
  /// Validated first.
  void put(std::string_view policy);
  /// False if there was none.
  bool remove();
  /// What a policy (validated first), or without one that in force, would do. Waits for the
  /// service, at most 100 seconds; Error(unavailable) then.
  std::vector<LifecycleAction> preview(std::optional<std::string_view> policy);

 private:
  std::string what(std::string_view doing) const;

  const oci::Call call_;
  Access& access_;
  Place place_;
};

}  // namespace davit::transport::ecr
