#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "transport/auth/credentials.hpp"

namespace davit::transport {

/// A program `docker-credential-NAME` on PATH that keeps credentials (docker-credential-helpers
/// protocol). It is run without a shell, for at most 30 s and 1 MiB of output; whatever it does
/// wrong is an Error that names it and never repeats a secret.
class CredentialHelper {
 public:
  /// Throws Error(corrupt) unless the name is [A-Za-z0-9._-]+.
  explicit CredentialHelper(std::string_view name);

  const std::string& program() const { return program_; }

  /// Nothing if the helper says that it has none. `server` is what docker calls the server's
  /// address: a host, or a URL.
  std::optional<Credentials> get(const oci::Call& call, std::string_view server) const;
  void store(const oci::Call& call, std::string_view server, const Credentials& credentials) const;
  void erase(const oci::Call& call, std::string_view server) const;

 private:
  std::string program_;
};

}  // namespace davit::transport
