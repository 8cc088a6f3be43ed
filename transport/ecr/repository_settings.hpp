#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

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

}  // namespace davit::transport::ecr
