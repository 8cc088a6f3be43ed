#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "oci/model/reference.hpp"
#include "tests/support/registry.hpp"
#include "transport/registry/client.hpp"

namespace davit::tests {

/// Options for a client that fails and retries without waiting.
inline transport::ClientOptions quick_options() {
  transport::ClientOptions options;
  options.retry.retries = 3;
  options.retry.sleep = [](std::chrono::milliseconds) {};
  options.curl.stall_time = std::chrono::milliseconds(2'000);
  return options;
}

inline std::unique_ptr<transport::CredentialSource> no_credentials() {
  return std::make_unique<transport::FirstOf>(transport::FirstOf::Sources{});
}

inline std::unique_ptr<transport::CredentialSource> user_credentials(const Registry& registry) {
  return std::make_unique<transport::FixedCredentials>(
      registry.host(), transport::Credentials{.username = "user", .password = "secret"});
}

/// A client and one repository of a registry.
struct ConnectedRepository {
  explicit ConnectedRepository(
      const Registry& registry, const std::string& repository = "team/app",
      std::unique_ptr<transport::CredentialSource> credentials = no_credentials(),
      transport::ClientOptions options = quick_options())
      : client(std::move(options), std::move(credentials)),
        store(client.repository({}, oci::Reference::parse(registry.host() + "/" + repository))) {}

  oci::Store* operator->() { return store.get(); }
  oci::Store& operator*() { return *store; }

  transport::Client client;
  std::unique_ptr<oci::Store> store;
};

}  // namespace davit::tests
