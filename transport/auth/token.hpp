#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "transport/auth/credentials.hpp"
#include "transport/auth/scope.hpp"
#include "transport/http/policy.hpp"
#include "transport/http/transport.hpp"

namespace davit::transport {

/// How late it is, by a clock that nobody sets; a parameter so that tests can move it.
using MonotonicClock = std::function<std::chrono::steady_clock::time_point()>;

/// The value of an Authorization field. Null is none; two are the same one if the pointers are.
using Authorization = std::shared_ptr<const std::string>;

/// A bearer token and when to ask for the next one.
struct Token {
  Authorization authorization;
  std::chrono::steady_clock::time_point renew_at;
};

/// Who gives tokens for a registry (distribution token specification).
struct TokenServer {
  std::string registry;  ///< for messages: "registry.example"
  std::string service;   ///< what the challenge calls it; empty where it does not
  Hop realm;
};

/// Where a challenge says that tokens are given, judged before anything is sent there: beyond
/// check_hop, plain http leads nowhere but to the same host, or from loopback to loopback. Throws
/// Error(refused), or Error(corrupt) for what is no URL.
Hop check_realm(const Response& challenged, std::string_view realm);

/// Asks for a token: an identity token is exchanged by POST (oauth2), or by GET where the server
/// knows no POST (404, 405); user name and password go with a GET; without credentials the GET is
/// anonymous. Throws Error(denied) if the server refuses, Error(unavailable) if it is in trouble,
/// Error(corrupt) for an answer that is no token. No message repeats what the server said, for
/// that may be what it was sent.
Token fetch_token(const oci::Call& call, Transport& transport, const TokenServer& server,
                  const ScopeSet& scopes, const Credentials* credentials,
                  const MonotonicClock& clock);

/// "Basic ..." of user name and password.
std::string basic_authorization(std::string_view username, std::string_view password);

}  // namespace davit::transport
