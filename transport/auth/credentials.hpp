#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "oci/base/call.hpp"

namespace davit::transport {

/// What a registry is convinced with. One of the three kinds is filled: user name and password;
/// an identity token (an OAuth2 refresh token, for the token server only; a user name may stand
/// beside it); a registry token (a bearer token to be sent as it is). Never printed or logged.
struct Credentials {
  std::string username;
  std::string password;
  std::string identity_token;
  std::string registry_token;

  friend bool operator==(const Credentials&, const Credentials&) = default;
};

/// Knows credentials. Members may be called from several threads at once.
struct CredentialSource {
  virtual ~CredentialSource() = default;

  /// The credentials for a registry ("docker.io", "localhost:5000"), or for one repository in it
  /// where `repository` is not empty and the source tells them apart. Never those of another
  /// host. Nothing if there are none; a source that cannot tell throws.
  virtual std::optional<Credentials> find(const oci::Call& call, std::string_view registry,
                                          std::string_view repository) = 0;

  /// The registry refused these, which `find` has given. Whoever was refused asks again, so a
  /// source that keeps credentials by itself lets go of them; one that reads what a person keeps
  /// has nothing to do.
  virtual void forget(const oci::Call& call, std::string_view registry,
                      const Credentials& refused) = 0;
};

/// Asks one source after the other; the first that knows answers. The sources outlive it.
class FirstOf final : public CredentialSource {
 public:
  using Sources = std::vector<std::reference_wrapper<CredentialSource>>;

  explicit FirstOf(Sources sources) : sources_(std::move(sources)) {}
  std::optional<Credentials> find(const oci::Call& call, std::string_view registry,
                                  std::string_view repository) override;
  void forget(const oci::Call& call, std::string_view registry,
              const Credentials& refused) override;

 private:
  Sources sources_;
};

/// Credentials given by the person, for one registry; none for any other.
class FixedCredentials final : public CredentialSource {
 public:
  FixedCredentials(std::string registry, Credentials credentials)
      : registry_(std::move(registry)), credentials_(std::move(credentials)) {}
  std::optional<Credentials> find(const oci::Call& call, std::string_view registry,
                                  std::string_view repository) override;
  void forget(const oci::Call&, std::string_view, const Credentials&) override {}

 private:
  std::string registry_;
  Credentials credentials_;
};

}  // namespace davit::transport
