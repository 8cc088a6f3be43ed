#include "transport/auth/credentials.hpp"

#include <fmt/format.h>

#include "oci/base/bytes.hpp"

namespace davit::transport {

std::optional<Credentials> FirstOf::find(std::string_view registry, std::string_view repository) {
  for (CredentialSource& source : sources_) {
    if (auto found = source.find(registry, repository)) return found;
  }
  return std::nullopt;
}

std::optional<Credentials> FixedCredentials::find(std::string_view registry, std::string_view) {
  if (registry != registry_) return std::nullopt;
  return credentials_;
}

std::string login_hint(std::string_view registry) {
  return fmt::format("log in with `davit login {}`", oci::printable(registry));
}

}  // namespace davit::transport
