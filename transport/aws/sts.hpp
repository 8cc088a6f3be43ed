#pragma once

#include <memory>
#include <optional>
#include <string>

#include "transport/aws/keys.hpp"

namespace davit::transport::aws {

/// A role, and how its session is named.
struct Role {
  std::string arn;
  std::string session_name;  ///< empty: one of ours
  std::string external_id;
  std::string duration_seconds;
};

/// The role's keys for a session that the keys of `source` open (sts:AssumeRole).
std::unique_ptr<KeySource> make_assume_role(const World& world, Role role,
                                            std::unique_ptr<KeySource> source);

/// The role's keys for the token in a file, read anew each time
/// (sts:AssumeRoleWithWebIdentity, which is not signed).
std::unique_ptr<KeySource> make_web_identity(const World& world, Role role, std::string token_file);

}  // namespace davit::transport::aws
