#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "transport/auth/scope.hpp"
#include "transport/auth/token.hpp"

namespace davit::transport {

/// The tokens of one registry, by what they allow. One fetch for a set of scopes at a time: who
/// else wants it waits for its result, or its failure; if that one was stopped, he asks himself.
/// Safe for many threads.
class TokenCache {
 public:
  using Fetch = std::function<Token(const oci::Call&, const ScopeSet&)>;

  TokenCache(Fetch fetch, MonotonicClock clock)
      : fetch_(std::move(fetch)), clock_(std::move(clock)) {}

  /// A token that covers the scopes and is not due for renewal: one that is there, or a new one.
  /// `refused`, if not null, is no longer one of them.
  Authorization get(const oci::Call& call, const ScopeSet& scopes,
                    const Authorization& refused = nullptr);

 private:
  /// One fetch, and what came of it.
  struct Fetching {
    bool done = false;
    Authorization authorization;
    std::exception_ptr failure;
  };

  Authorization usable(const ScopeSet& scopes) const;

  const Fetch fetch_;
  const MonotonicClock clock_;
  std::mutex mutex_;
  std::map<ScopeSet, Token> tokens_;
  std::condition_variable_any changed_;
  std::map<ScopeSet, std::shared_ptr<Fetching>> fetching_;
};

}  // namespace davit::transport
