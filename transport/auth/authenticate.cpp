#include "transport/auth/authenticate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <optional>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "oci/base/error.hpp"
#include "oci/base/text.hpp"
#include "transport/auth/challenge.hpp"
#include "transport/auth/scheme.hpp"

namespace davit::transport {
namespace {

using oci::Error;
using oci::ErrorKind;

bool is_basic(const Authorization& authorization) { return authorization->starts_with("Basic "); }

/// How ECR (403) and ECR Public (400) say that credentials or a token are too old.
bool says_too_old(std::string_view body) {
  static constexpr std::array<std::string_view, 2> texts = {"token has expired",
                                                            "authorization token is invalid"};
  const std::string text = oci::lower_case(body);
  return std::any_of(texts.begin(), texts.end(), [&](std::string_view expired) {
    return text.find(expired) != std::string::npos;
  });
}

/// How ECR says that it knows whose credentials they are, and that those may not do this.
bool says_not_allowed(std::string_view body) {
  return oci::lower_case(body).find("not authorized to perform") != std::string::npos;
}

/// Whether new credentials or a new token can change this answer of the registry.
bool is_refusal(const Request& request, const Response& response, const Authorization& sent) {
  if (response.status == 401) return true;
  if (sent == nullptr || (response.status != 400 && response.status != 403)) return false;
  if (says_too_old(response.body)) return true;
  // The life of a token is known. A password may be refused before its time without a word of that,
  // and the answer to a HEAD has no words at all: another is worth a try, unless the registry names
  // the action that is not allowed.
  const bool silent =
      request.method == "HEAD" || (response.status == 403 && !says_not_allowed(response.body));
  return silent && is_basic(sent);
}

/// What a scheme is chosen by.
struct Offer {
  bool bearer = false;
  std::string realm;
  std::string service;

  friend bool operator==(const Offer&, const Offer&) = default;
};

/// The best of the challenges, and the scope that it asks for.
struct Choice {
  Offer offer;
  ScopeSet scopes;
};

std::optional<Choice> choose(const std::vector<Challenge>& challenges, const std::string& name) {
  const auto find = [&](std::string_view scheme) {
    return std::find_if(challenges.begin(), challenges.end(), [&](const Challenge& challenge) {
      return challenge.scheme == scheme &&
             (scheme == "basic" || !challenge.parameter("realm").empty());
    });
  };
  if (challenges.empty()) return std::nullopt;
  if (const auto bearer = find("bearer"); bearer != challenges.end()) {
    return Choice{{true, bearer->parameter("realm"), bearer->parameter("service")},
                  ScopeSet::parse(bearer->parameter("scope"))};
  }
  if (find("basic") != challenges.end()) return Choice{};
  throw Error(ErrorKind::denied,
              fmt::format("{} asks for '{}' authentication, which is not known here", name,
                          oci::printable(challenges.front().scheme.substr(0, 80))));
}

class Authenticate final : public Transport {
 public:
  Authenticate(Transport& next, Transport& token_transport, CredentialSource& credentials,
               Registry registry, MonotonicClock clock)
      : next_(next),
        token_transport_(token_transport),
        origin_(std::move(registry.origin)),
        name_(registry.name),
        credentials_(credentials, std::move(registry.name), std::move(registry.repository)),
        clock_(std::move(clock)) {}

  Response send(const oci::Call& call, const Request& request, Receiver* into) override {
    if (request.url.origin != origin_) return next_.send(call, request, into);
    const Authorization sent = authorize(call, request);
    Response response = send_with(call, sent, request, into);
    if (response.url.origin != origin_ || !is_refusal(request, response, sent)) return response;

    const auto choice = choose(parse_challenges(response.headers), name_);
    const std::shared_ptr<Scheme> scheme = scheme_for(choice, response);
    if (scheme == nullptr) return response;
    const ScopeSet wanted = scopes_for(request, choice);
    const Authorization fresh = scheme->authorize(call, wanted, sent);
    if (fresh != nullptr) {
      learn(scheme);
      response = send_with(call, fresh, request, into);
      // What was just learnt may be an old password that is kept somewhere. (A token is new.)
      if (sent == nullptr && is_basic(fresh) && response.url.origin == origin_ &&
          is_refusal(request, response, fresh)) {
        const Authorization another = scheme->authorize(call, wanted, fresh);
        if (another != nullptr) response = send_with(call, another, request, into);
      }
    }
    if (response.status == 401 && response.url.origin == origin_ && scheme->anonymous(call)) {
      throw Error(ErrorKind::denied,
                  fmt::format("{} asks for credentials{}", name_,
                              wanted.empty() ? "" : oci::printable(" for " + wanted.str())),
                  oci::Advice::log_in, name_);
    }
    return response;
  }

 private:
  Response send_with(const oci::Call& call, const Authorization& authorization,
                     const Request& request, Receiver* into) {
    if (authorization == nullptr) return next_.send(call, request, into);
    Request signed_request = request;
    signed_request.headers.set("Authorization", *authorization);
    return next_.send(call, signed_request, into);
  }

  /// What a request starts with, as far as earlier ones have taught it.
  Authorization authorize(const oci::Call& call, const Request& request) {
    std::unique_lock lock(mutex_);
    const std::shared_ptr<Scheme> scheme = learnt_;
    std::optional<ScopeSet> scopes = unscoped_;
    lock.unlock();
    if (!request.scopes.empty()) scopes = ScopeSet(request.scopes);
    return scheme && scopes ? scheme->authorize(call, *scopes, nullptr) : nullptr;
  }

  /// The scheme of the challenge; without a challenge (expired tokens come without) the one of
  /// before, if any.
  std::shared_ptr<Scheme> scheme_for(const std::optional<Choice>& choice,
                                     const Response& challenged) {
    const std::lock_guard lock(mutex_);
    if (!choice || (scheme_ && choice->offer == offer_)) return scheme_;
    const Offer& offer = choice->offer;
    if (offer.bearer) {
      TokenServer server{name_, offer.service, check_realm(challenged, offer.realm)};
      scheme_ = make_bearer(credentials_, token_transport_, std::move(server), clock_);
    } else {
      scheme_ = make_basic(credentials_);
    }
    offer_ = offer;
    return scheme_;
  }

  ScopeSet scopes_for(const Request& request, const std::optional<Choice>& choice) {
    const std::lock_guard lock(mutex_);
    if (choice && (request.scopes.empty() || !choice->offer.bearer)) unscoped_ = choice->scopes;
    if (!request.scopes.empty()) return ScopeSet(request.scopes);
    return unscoped_.value_or(ScopeSet());
  }

  /// Only a scheme that found something to say speaks up unasked: a registry that is half public
  /// is still read by whoever has no credentials.
  void learn(const std::shared_ptr<Scheme>& scheme) {
    const std::lock_guard lock(mutex_);
    learnt_ = scheme;
  }

  Transport& next_;
  Transport& token_transport_;
  const Origin origin_;
  const std::string name_;
  KnownCredentials credentials_;
  const MonotonicClock clock_;

  std::mutex mutex_;
  Offer offer_;
  std::shared_ptr<Scheme> scheme_;
  std::shared_ptr<Scheme> learnt_;
  /// What requests without scopes were last asked for; nothing (not even a scope) for Basic.
  std::optional<ScopeSet> unscoped_;
};

}  // namespace

std::unique_ptr<Transport> make_authenticate(Transport& next, Transport& token_transport,
                                             CredentialSource& credentials, Registry registry,
                                             MonotonicClock clock) {
  return std::make_unique<Authenticate>(next, token_transport, credentials, std::move(registry),
                                        std::move(clock));
}

}  // namespace davit::transport
