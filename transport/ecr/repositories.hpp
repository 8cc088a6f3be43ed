#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "transport/ecr/access.hpp"
#include "transport/ecr/host.hpp"
#include "transport/ecr/place.hpp"
#include "transport/ecr/repository_info.hpp"
#include "transport/ecr/repository_settings.hpp"

namespace davit::transport::ecr {

/// Whether something is done, or only said.
enum class Change { no, yes };

/// Repositories of one registry.
class Repositories {
 public:
  Repositories(const oci::Call& call, Access& access, Host host)
      : call_(call), access_(access), host_(std::move(host)) {}

  const oci::Call& call() const { return call_; }
  Access& access() { return access_; }
  const Host& host() const { return host_; }
  Place place_of(const std::string& name) const;

  /// All, sorted by name.
  std::vector<RepositoryInfo> list();
  std::optional<RepositoryInfo> find(const std::string& name);
  /// Throws Error(not_found).
  RepositoryInfo get(const std::string& name);

  /// Makes a repository with these settings, its policies included. Nothing if there is one, which
  /// is completed then: AWS makes a repository and sets its policies in calls of their own, and an
  /// earlier `create` may have been cut short between them, or its answer lost.
  std::optional<RepositoryInfo> create(const std::string& name, const RepositorySettings& settings);

  /// Sets those policies of the settings that a repository has none of; one that it has stays.
  /// Returns what is set: "lifecycle policy". What the caller may not read is left as it is, with a
  /// warning.
  std::vector<std::string> complete(const std::string& name, const RepositorySettings& settings,
                                    Change change);

  /// Throws Error(refused) if it holds images, unless `with_images`.
  void remove(const std::string& name, bool with_images);

  std::optional<std::string> policy(const std::string& name);
  void set_policy(const std::string& name, const std::string& json);

 private:
  const oci::Call call_;
  Access& access_;
  const Host host_;
};

}  // namespace davit::transport::ecr
