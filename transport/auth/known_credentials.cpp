#include "transport/auth/known_credentials.hpp"

namespace davit::transport {

KnownCredentials::Pointer KnownCredentials::ask() {
  const auto found = source_.find(registry_, repository_);
  return found ? std::make_shared<const Credentials>(*found) : nullptr;
}

KnownCredentials::Pointer KnownCredentials::get() {
  const std::lock_guard lock(mutex_);
  if (!asked_) known_ = ask();
  asked_ = true;
  return known_;
}

KnownCredentials::Pointer KnownCredentials::get_instead_of(const Pointer& refused) {
  const std::lock_guard lock(mutex_);
  if (known_ != refused) return known_;
  if (refused != nullptr) source_.forget(registry_, *refused);
  const Pointer fresh = ask();
  if (fresh == nullptr || (refused != nullptr && *fresh == *refused)) return nullptr;
  known_ = fresh;
  return known_;
}

}  // namespace davit::transport
