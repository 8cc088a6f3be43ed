#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "transport/ecr/access.hpp"
#include "transport/ecr/host.hpp"

namespace davit::transport::ecr {

/// What a repository is to be like. What is absent is left as it is, or as AWS makes it.
struct RepositorySettings {
  std::optional<std::string> mutability;  ///< "MUTABLE", "IMMUTABLE", "..._WITH_EXCLUSION"
  std::vector<std::string> exclusions;    ///< tag patterns, for the latter
  std::optional<bool> scan_on_push;
  std::string encryption;  ///< "AES256", "KMS", "KMS_DSSE"; only when it is made
  std::string kms_key;
  std::map<std::string, std::string> tags;
  std::optional<std::string> lifecycle;  ///< a policy, JSON
  std::optional<std::string> policy;     ///< of the repository, JSON

  /// Throws Error(usage) for what AWS would refuse.
  void check() const;
};

struct Repository {
  std::string name;
  std::string uri;
  std::string arn;
  std::int64_t created = 0;  ///< seconds since 1970
  std::string mutability;
  std::vector<std::string> exclusions;
  bool scan_on_push = false;
  std::string encryption;
  std::string kms_key;
};

/// Repositories of one registry.
class Repositories {
 public:
  Repositories(Access& access, Host host) : access_(access), host_(std::move(host)) {}

  /// All, sorted by name.
  std::vector<Repository> list();
  std::optional<Repository> find(const std::string& name);
  /// Throws Error(not_found).
  Repository get(const std::string& name);

  /// Makes a repository with these settings, its policies included. Nothing if there is one.
  std::optional<Repository> create(const std::string& name, const RepositorySettings& settings);

  /// What differs from the settings, as lines for a person: "mutability: MUTABLE -> IMMUTABLE".
  /// With `change` it is brought to that state, and made if it is missing.
  enum class Change { no, yes };
  std::vector<std::string> apply(const std::string& name, const RepositorySettings& settings,
                                 Change change);

  /// Throws Error(refused) if it holds images, unless `with_images`.
  void remove(const std::string& name, bool with_images);

  std::optional<std::string> policy(const std::string& name);
  void set_policy(const std::string& name, const std::string& json);

 private:
  Access& access_;
  const Host host_;
};

}  // namespace davit::transport::ecr
