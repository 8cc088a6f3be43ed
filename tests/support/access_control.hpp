#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/http_server.hpp"

namespace davit::tests {

enum class AccessKind { none, basic, bearer };
/// How a token or password that was good before is refused.
enum class ExpiredAnswer {
  unauthorized,        ///< 401 with a challenge
  ecr_forbidden,       ///< 403 DENIED "Your authorization token has expired. ..."
  ecr_public_refusal,  ///< 400 DENIED "Your Authorization Token is invalid."
};
/// What a user, or someone without credentials, may do.
enum class Rights { none, pull, push };

struct AccessOptions {
  AccessKind kind = AccessKind::none;
  std::string user = "user";
  std::string password = "secret";
  std::string identity_token = "identity";  ///< taken as OAuth2 refresh token
  Rights user_rights = Rights::push;
  Rights anonymous_rights = Rights::none;
  std::chrono::milliseconds token_life{300'000};
  std::optional<int> expires_in = 300;  ///< seconds, as announced; some services leave it out
  ExpiredAnswer expired = ExpiredAnswer::unauthorized;
};

/// The guard of a registry and its token service (distribution's token specification: GET with
/// Basic, POST with OAuth2 grants). Thread-safe.
class AccessControl {
 public:
  explicit AccessControl(AccessOptions options) : options_(std::move(options)) {}

  /// The refusal of a request that needs these scopes ("repository:NAME:pull,push"); nothing if it
  /// may pass. `origin` is where the token service stands.
  std::optional<Answer> refuse(const Exchange& exchange, const std::vector<std::string>& scopes,
                               const std::string& origin) const;
  Answer challenge(const std::vector<std::string>& scopes, const std::string& origin) const;
  /// The token service's answer.
  Answer token(Exchange& exchange);

  /// From now on all tokens issued so far count as expired.
  void revoke_tokens();
  /// The old password counts as expired, as ECR's does after twelve hours.
  void change_password(const std::string& password);
  std::size_t tokens_issued() const;

 private:
  struct Token {
    std::set<std::string> grants;  ///< "repository:NAME:push": one action each
    std::chrono::steady_clock::time_point end;
  };
  Answer refuse_expired(const std::vector<std::string>& scopes, const std::string& origin) const;
  std::optional<Answer> refuse_basic(const std::string& given, const std::vector<std::string>&,
                                     const std::string& origin) const;
  std::optional<Rights> rights_of(const Exchange& exchange, const Parameters& form) const;

  const AccessOptions options_;
  mutable std::mutex mutex_;
  std::map<std::string, Token> tokens_;
  std::optional<std::string> new_password_;
};

}  // namespace davit::tests
