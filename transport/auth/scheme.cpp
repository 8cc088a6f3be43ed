#include "transport/auth/scheme.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <utility>

#include "oci/base/error.hpp"
#include "transport/auth/token_cache.hpp"

namespace davit::transport {
namespace {

using oci::Error;
using oci::ErrorKind;

class Basic final : public Scheme {
 public:
  explicit Basic(KnownCredentials& credentials) : credentials_(credentials) {}

  Authorization authorize(const oci::Call& call, const ScopeSet&,
                          const Authorization& refused) override {
    const std::lock_guard lock(mutex_);
    if (authorization_ == nullptr) use(credentials_.get(call));
    if (authorization_ != refused) return authorization_;
    const auto fresh = credentials_.get_instead_of(call, used_);
    if (fresh == nullptr) return nullptr;
    use(fresh);
    return authorization_;
  }

  bool anonymous(const oci::Call&) override { return false; }

 private:
  void use(KnownCredentials::Pointer credentials) {
    const std::string& registry = credentials_.registry();
    if (credentials == nullptr) {
      throw Error(ErrorKind::denied, registry + " asks for a user name and password",
                  oci::Advice::log_in, registry);
    }
    if (credentials->password.empty()) {
      throw Error(ErrorKind::denied,
                  registry + " asks for a user name and password; there is only a token for it",
                  oci::Advice::log_in, registry);
    }
    authorization_ = std::make_shared<const std::string>(
        basic_authorization(credentials->username, credentials->password));
    used_ = std::move(credentials);
  }

  KnownCredentials& credentials_;
  std::mutex mutex_;
  Authorization authorization_;
  KnownCredentials::Pointer used_;
};

/// A registry token goes into a header field as it is.
void check_registry_token(const Credentials& credentials, const std::string& registry) {
  const std::string& token = credentials.registry_token;
  if (std::any_of(token.begin(), token.end(), [](char c) { return c <= ' ' || c >= '\x7f'; })) {
    throw Error(ErrorKind::corrupt, "the registry token for " + registry + " is not a token");
  }
}

class Bearer final : public Scheme {
 public:
  Bearer(KnownCredentials& credentials, Transport& transport, TokenServer server,
         MonotonicClock clock)
      : credentials_(credentials),
        transport_(transport),
        server_(std::move(server)),
        clock_(clock),
        tokens_(
            [this](const oci::Call& call, const ScopeSet& scopes) { return fetch(call, scopes); },
            std::move(clock)) {}

  Authorization authorize(const oci::Call& call, const ScopeSet& scopes,
                          const Authorization& refused) override {
    const Authorization other = tokens_.get(call, scopes, refused);
    return refused && *other == *refused ? nullptr : other;
  }

  bool anonymous(const oci::Call& call) override { return credentials_.get(call) == nullptr; }

 private:
  Token fetch(const oci::Call& call, const ScopeSet& scopes) {
    const auto known = credentials_.get(call);
    if (known == nullptr) return fetch_token(call, transport_, server_, scopes, nullptr, clock_);
    try {
      return fetch_with(call, *known, scopes);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::denied) throw;
      // Credentials with a life of their own (ECR Public's last 12 hours) may have a successor.
      const auto fresh = credentials_.get_instead_of(call, known);
      if (fresh == nullptr) throw;
      return fetch_with(call, *fresh, scopes);
    }
  }

  Token fetch_with(const oci::Call& call, const Credentials& credentials, const ScopeSet& scopes) {
    if (credentials.registry_token.empty()) {
      return fetch_token(call, transport_, server_, scopes, &credentials, clock_);
    }
    check_registry_token(credentials, credentials_.registry());
    return {std::make_shared<const std::string>("Bearer " + credentials.registry_token),
            clock_() + std::chrono::minutes(1)};
  }

  KnownCredentials& credentials_;
  Transport& transport_;
  const TokenServer server_;
  const MonotonicClock clock_;
  TokenCache tokens_;
};

}  // namespace

std::unique_ptr<Scheme> make_basic(KnownCredentials& credentials) {
  return std::make_unique<Basic>(credentials);
}

std::unique_ptr<Scheme> make_bearer(KnownCredentials& credentials, Transport& token_transport,
                                    TokenServer server, MonotonicClock clock) {
  return std::make_unique<Bearer>(credentials, token_transport, std::move(server),
                                  std::move(clock));
}

}  // namespace davit::transport
