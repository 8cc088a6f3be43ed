#include "transport/auth/token.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "oci/base/error.hpp"
#include "oci/model/json.hpp"

namespace davit::transport {
namespace {

using oci::Error;
using oci::ErrorKind;
using std::chrono::seconds;

constexpr std::uint64_t answer_limit = 1 * oci::MiB;

/// The specification's, for servers that do not say.
constexpr seconds default_lifetime{60};
/// Nothing depends on more; a larger number cannot overflow the clock.
constexpr seconds longest_lifetime{24 * 3600};
/// A token is renewed after nine tenths of its life, or this long before its end if that is later:
/// a request that begins with it should also arrive with it.
constexpr seconds longest_margin{30};

bool is_bearer_token(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

std::string form(std::initializer_list<std::pair<std::string_view, std::string_view>> fields) {
  std::string text;
  for (const auto& [name, value] : fields) {
    if (value.empty()) continue;
    text += fmt::format("{}{}={}", text.empty() ? "" : "&", name, url_encode(value));
  }
  return text;
}

Request get_request(const TokenServer& server, const ScopeSet& scopes) {
  Request request{.url = server.realm.url};
  if (!server.service.empty()) request.url.add_query("service", server.service);
  for (const std::string& scope : scopes.scopes()) request.url.add_query("scope", scope);
  return request;
}

Request post_request(const TokenServer& server, const ScopeSet& scopes,
                     const std::string& identity_token) {
  const std::string text = form({{"grant_type", "refresh_token"},
                                 {"service", server.service},
                                 {"client_id", "davit"},
                                 {"scope", scopes.str()},
                                 {"refresh_token", identity_token}});
  Request request{.method = "POST", .url = server.realm.url};
  request.headers.set("Content-Type", "application/x-www-form-urlencoded");
  request.body = Body{oci::content_of(text), text.size()};
  return request;
}

Response ask(const oci::Call& call, Transport& transport, const TokenServer& server,
             const ScopeSet& scopes, const Credentials* credentials) {
  const auto send = [&](Request request) {
    request.body_limit = answer_limit;
    request.addresses = server.realm.addresses;
    return transport.send(call, request);
  };
  Request get = get_request(server, scopes);
  if (credentials == nullptr) return send(std::move(get));
  const std::string& identity = credentials->identity_token;
  if (identity.empty()) {
    get.headers.set("Authorization",
                    basic_authorization(credentials->username, credentials->password));
    return send(std::move(get));
  }
  Response response = send(post_request(server, scopes, identity));
  if (response.status != 404 && response.status != 405) return response;
  // Docker's name for a user who has a token only.
  const std::string& username = credentials->username;
  get.headers.set("Authorization",
                  basic_authorization(username.empty() ? "<token>" : username, identity));
  return send(std::move(get));
}

Error token_error(const TokenServer& server, const ScopeSet& scopes, const Credentials* credentials,
                  int status) {
  const std::string who =
      fmt::format("the token server {} of {}", server.realm.url.origin.str(), server.registry);
  const std::string what = scopes.empty() ? std::string() : fmt::format(" for {}", scopes.str());
  // RFC 6749, section 5.2: a refresh token that is no longer good is answered with 400.
  const bool expired = status == 400 && credentials && !credentials->identity_token.empty();
  if (status == 401 || status == 403 || expired) {
    return Error(ErrorKind::denied,
                 oci::printable(fmt::format(
                     "{} {}{} (status {})", who,
                     credentials == nullptr ? "asks for credentials" : "refuses the credentials",
                     what, status)),
                 oci::Advice::log_in, server.registry);
  }
  const bool transient = status == 408 || status == 429 || status >= 500;
  return Error(transient ? ErrorKind::unavailable : ErrorKind::failed,
               oci::printable(fmt::format("{} gives no token{}: status {}", who, what, status)));
}

seconds lifetime(const oci::Json& answer, const std::string& what) {
  const oci::Json* member = answer.find("expires_in");
  if (member == nullptr || member->is_null()) return default_lifetime;
  const std::uint64_t said = oci::size_member(answer, "expires_in", what);
  if (said == 0) return default_lifetime;
  return std::min(seconds(said), longest_lifetime);
}

}  // namespace

std::string basic_authorization(std::string_view username, std::string_view password) {
  if (username.find(':') != std::string_view::npos) {
    throw Error(ErrorKind::usage, "a user name cannot have a colon in it");
  }
  return "Basic " + oci::to_base64(oci::bytes_of(fmt::format("{}:{}", username, password)));
}

Hop check_realm(const Response& challenged, std::string_view realm) {
  Hop hop = check_hop(challenged, realm, HopPurpose::token);
  const Origin& from = challenged.url.origin;
  const Origin& to = hop.url.origin;
  if (to.scheme == "http" && to.host != from.host &&
      !(is_loopback(from.host) && is_loopback(to.host))) {
    throw Error(ErrorKind::refused,
                fmt::format("{} names {} as its token server: plain http leads to no other host",
                            from.str(), to.str()));
  }
  return hop;
}

Token fetch_token(const oci::Call& call, Transport& transport, const TokenServer& server,
                  const ScopeSet& scopes, const Credentials* credentials,
                  const MonotonicClock& clock) {
  const auto asked_at = clock();
  const Response response = ask(call, transport, server, scopes, credentials);
  if (!response.ok()) throw token_error(server, scopes, credentials, response.status);
  const std::string what =
      fmt::format("the answer of the token server {}", server.realm.url.origin.str());
  const oci::Json answer = oci::parse_json(response.body, what);
  if (!answer.is_object()) throw Error(ErrorKind::corrupt, what + ": not a JSON object");
  std::string token = oci::string_member(answer, "token", what);
  if (token.empty()) token = oci::string_member(answer, "access_token", what);
  if (!is_bearer_token(token)) throw Error(ErrorKind::corrupt, what + ": no usable token in it");
  const seconds life = lifetime(answer, what);
  const seconds margin = std::min(life / 10 + seconds(1), longest_margin);
  return {std::make_shared<const std::string>("Bearer " + token), asked_at + life - margin};
}

}  // namespace davit::transport
