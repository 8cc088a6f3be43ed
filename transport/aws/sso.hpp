#pragma once

#include <memory>
#include <string>

#include "transport/aws/keys.hpp"

namespace davit::transport::aws {

/// What a profile says of IAM Identity Center.
struct SsoSession {
  std::string name;  ///< of the [sso-session]; empty: the older form, without refresh
  std::string start_url;
  std::string region;
  std::string account;
  std::string role;
};

/// Keys for a role by the token that `aws sso login` left in ~/.aws/sso/cache. A token that has
/// less than 15 minutes left is refreshed, if it came with what that takes, and written back.
/// An expired one is Error(denied) with the command to run as its hint.
std::unique_ptr<KeySource> make_sso(const World& world, SsoSession session);

}  // namespace davit::transport::aws
