#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "transport/auth/credentials.hpp"

namespace davit::transport {

/// The credentials of one registry, asked of their source once and again when they are refused: a
/// source may have renewed them since. Safe for many threads; one at a time asks the source.
class KnownCredentials {
 public:
  /// Null is none; two are the same ones if the pointers are.
  using Pointer = std::shared_ptr<const Credentials>;

  KnownCredentials(CredentialSource& source, std::string registry, std::string repository)
      : source_(source), registry_(std::move(registry)), repository_(std::move(repository)) {}

  const std::string& registry() const { return registry_; }

  Pointer get(const oci::Call& call);
  /// What there is beside `refused`, which `get` said before; null if that is nothing.
  Pointer get_instead_of(const oci::Call& call, const Pointer& refused);

 private:
  Pointer ask(const oci::Call& call);

  CredentialSource& source_;
  const std::string registry_;
  const std::string repository_;
  std::mutex mutex_;
  bool asked_ = false;
  Pointer known_;
};

}  // namespace davit::transport
