#include "transport/auth/known_credentials.hpp"

namespace davit::transport {

KnownCredentials::Pointer KnownCredentials::ask(const oci::Call& call) {
  const auto found = source_.find(call, registry_, repository_);
  return found ? std::make_shared<const Credentials>(*found) : nullptr;
}

KnownCredentials::Pointer KnownCredentials::get(const oci::Call& call) {
  const std::lock_guard lock(mutex_);
  if (!asked_) known_ = ask(call);
  asked_ = true;
  return known_;
}

KnownCredentials::Pointer KnownCredentials::get_instead_of(const oci::Call& call,
                                                           const Pointer& refused) {
  const std::lock_guard lock(mutex_);
  if (known_ != refused) return known_;
  if (refused != nullptr) source_.forget(call, registry_, *refused);
  const Pointer fresh = ask(call);
  if (fresh == nullptr || (refused != nullptr && *fresh == *refused)) return nullptr;
  known_ = fresh;
  return known_;
}

}  // namespace davit::transport
