#include "transport/auth/token_cache.hpp"

#include <exception>
#include <utility>

namespace davit::transport {

Authorization TokenCache::usable(const ScopeSet& scopes) const {
  for (const auto& [allowed, token] : tokens_) {
    if (allowed.covers(scopes)) return token.authorization;
  }
  return nullptr;
}

Authorization TokenCache::get(const ScopeSet& scopes, const Authorization& refused) {
  std::unique_lock lock(mutex_);
  std::erase_if(tokens_, [&, now = clock_()](const auto& entry) {
    return entry.second.renew_at <= now || entry.second.authorization == refused;
  });
  if (Authorization found = usable(scopes)) return found;
  if (const auto other = fetching_.find(scopes); other != fetching_.end()) {
    const std::shared_future<Authorization> result = other->second;
    lock.unlock();
    return result.get();
  }
  std::promise<Authorization> promise;
  fetching_.emplace(scopes, promise.get_future().share());
  lock.unlock();
  try {
    Token token = fetch_(scopes);
    lock.lock();
    tokens_[scopes] = token;
    fetching_.erase(scopes);
    promise.set_value(token.authorization);
    return token.authorization;
  } catch (...) {
    if (!lock) lock.lock();
    fetching_.erase(scopes);
    promise.set_exception(std::current_exception());
    throw;
  }
}

}  // namespace davit::transport
