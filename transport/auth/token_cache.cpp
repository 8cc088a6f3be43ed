#include "transport/auth/token_cache.hpp"

#include <utility>

namespace davit::transport {

Authorization TokenCache::usable(const ScopeSet& scopes) const {
  for (const auto& [allowed, token] : tokens_) {
    if (allowed.covers(scopes)) return token.authorization;
  }
  return nullptr;
}

Authorization TokenCache::get(const oci::Call& call, const ScopeSet& scopes,
                              const Authorization& refused) {
  std::unique_lock lock(mutex_);
  std::erase_if(tokens_, [&, now = clock_()](const auto& entry) {
    return entry.second.renew_at <= now || entry.second.authorization == refused;
  });
  while (true) {
    if (Authorization found = usable(scopes)) return found;
    const auto other = fetching_.find(scopes);
    if (other == fetching_.end()) break;
    const std::shared_ptr<Fetching> fetching = other->second;
    changed_.wait(lock, call.stop, [&] { return fetching->done; });
    call.check();
    if (fetching->authorization) return fetching->authorization;
    if (fetching->failure) std::rethrow_exception(fetching->failure);
  }
  const auto fetching = std::make_shared<Fetching>();
  fetching_[scopes] = fetching;
  lock.unlock();
  const auto finish = [&] {
    if (!lock) lock.lock();
    fetching->done = true;
    fetching_.erase(scopes);
    changed_.notify_all();
  };
  try {
    const Token token = fetch_(call, scopes);
    lock.lock();
    tokens_[scopes] = token;
    fetching->authorization = token.authorization;
    finish();
    return token.authorization;
  } catch (...) {
    // A stop is this caller's alone.
    if (!call.stop.stop_requested()) fetching->failure = std::current_exception();
    finish();
    throw;
  }
}

}  // namespace davit::transport
