#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "transport/auth/credentials.hpp"

namespace davit::transport {

/// The files that keep credentials, in the order they are asked. $REGISTRY_AUTH_FILE if set, else
/// $DOCKER_CONFIG/config.json if set, is the only one: whoever sets it means it. Otherwise
/// ~/.docker/config.json as docker, crane and oras do, then what podman, skopeo and buildah write:
/// $XDG_RUNTIME_DIR/containers/auth.json and ~/.config/containers/auth.json ($XDG_CONFIG_HOME).
std::vector<std::filesystem::path> credential_files();

/// Credentials kept in docker's config.json or podman's auth.json, and in the helper programs that
/// those name (`credHelpers`, `credsStore`). The files are read anew at each call. A missing or
/// empty file has no credentials; one that is not valid is Error(corrupt) naming it; a helper that
/// fails is an error and never a reason to look elsewhere.
class DockerConfig final : public CredentialSource {
 public:
  explicit DockerConfig(std::vector<std::filesystem::path> files = credential_files())
      : files_(std::move(files)) {}

  /// In each file: the helper for the registry if one is named, then `auths`. Podman's entries for
  /// a namespace go before the registry's, the longest first.
  std::optional<Credentials> find(const oci::Call& call, std::string_view registry,
                                  std::string_view repository) override;
  void forget(const oci::Call&, std::string_view, const Credentials&) override {}

  /// Keeps the credentials in the first of the files that exists (the first of all if none does),
  /// or in the helper it names. The file is replaced at once, mode 0600 and its other members
  /// untouched, a directory made for it has mode 0700, a symbolic link is followed; writers wait
  /// for each other. Says where the credentials are now: a path, or the helper's program.
  std::string store(const oci::Call& call, std::string_view registry,
                    const Credentials& credentials);

  /// Removes a registry's credentials from all the files and their helpers. Returns whether there
  /// were any.
  bool erase(const oci::Call& call, std::string_view registry);

 private:
  std::vector<std::filesystem::path> files_;
};

}  // namespace davit::transport
