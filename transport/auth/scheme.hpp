#pragma once

#include <memory>
#include <string>

#include "transport/auth/challenge.hpp"
#include "transport/auth/known_credentials.hpp"
#include "transport/auth/token.hpp"
#include "transport/http/transport.hpp"

namespace davit::transport {

/// How one registry wants to be convinced: what makes the Authorization fields for it. Members may
/// be called from several threads at once.
struct Scheme {
  virtual ~Scheme() = default;

  /// For a request that needs these scopes, and other than `refused`, which is null where nothing
  /// was. Null if there is nothing else to say. Throws Error(denied) without credentials that fit.
  virtual Authorization authorize(const oci::Call& call, const ScopeSet& scopes,
                                  const Authorization& refused) = 0;

  /// Whether the requests are made without credentials.
  virtual bool anonymous(const oci::Call& call) = 0;
};

/// RFC 7617: user name and password with every request.
std::unique_ptr<Scheme> make_basic(KnownCredentials& credentials);

/// Tokens from `server`, or the registry token that the credentials are.
std::unique_ptr<Scheme> make_bearer(KnownCredentials& credentials, Transport& token_transport,
                                    TokenServer server, MonotonicClock clock);

}  // namespace davit::transport
