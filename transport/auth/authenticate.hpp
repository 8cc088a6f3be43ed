#pragma once

#include <memory>
#include <string>

#include "transport/auth/credentials.hpp"
#include "transport/auth/token.hpp"
#include "transport/http/transport.hpp"

namespace davit::transport {

/// Who is to be convinced.
struct Registry {
  Origin origin;     ///< alone gets Authorization: requests and answers of others pass untouched
  std::string name;  ///< what its credentials stand under: "docker.io"
  std::string repository = {};  ///< narrows the credentials where a source tells repositories apart
};

/// Adds Authorization to requests to one registry: Basic, or bearer tokens for the request's
/// scopes (without any, for what the challenge asks for). What the registry wants is learnt from
/// its first 401 and said at once from then on; tokens are shared by the requests they cover, one
/// fetch for a set of scopes at a time, and renewed before they expire.
///
/// A 401, and a 400 or 403 by which ECR says that a token has expired, is answered once with
/// something new; if there is nothing new, or that is refused too, it is the answer. Throws
/// Error(denied) with a hint where the registry asks for credentials and there are none, and where
/// its token server refuses; Error(refused) for a token server that it has no right to name.
///
/// `next` follows redirects and drops Authorization when it leaves the origin; so does
/// `token_transport`, which also sends no body elsewhere. All outlive the result, which may be
/// used by several threads at once.
std::unique_ptr<Transport> make_authenticate(Transport& next, Transport& token_transport,
                                             CredentialSource& credentials, Registry registry,
                                             MonotonicClock clock = std::chrono::steady_clock::now);

}  // namespace davit::transport
