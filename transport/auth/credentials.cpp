#include "transport/auth/credentials.hpp"

namespace davit::transport {

std::optional<Credentials> FirstOf::find(const oci::Call& call, std::string_view registry,
                                         std::string_view repository) {
  for (CredentialSource& source : sources_) {
    if (auto found = source.find(call, registry, repository)) return found;
  }
  return std::nullopt;
}

void FirstOf::forget(const oci::Call& call, std::string_view registry, const Credentials& refused) {
  for (CredentialSource& source : sources_) source.forget(call, registry, refused);
}

std::optional<Credentials> FixedCredentials::find(const oci::Call&, std::string_view registry,
                                                  std::string_view) {
  if (registry != registry_) return std::nullopt;
  return credentials_;
}

}  // namespace davit::transport
