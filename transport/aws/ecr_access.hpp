#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "transport/auth/credentials.hpp"
#include "transport/aws/config.hpp"
#include "transport/aws/ecr_host.hpp"
#include "transport/aws/keys.hpp"
#include "transport/aws/service.hpp"
#include "transport/aws/token_file.hpp"
#include "transport/http/curl_options.hpp"
#include "transport/http/retry.hpp"

namespace davit::transport::aws {

struct EcrOptions {
  std::string profile;  ///< --profile; empty: as the environment says
  CurlOptions curl;
  RetryOptions retry;
  Environment environment = system_environment;
  WallClock now = std::chrono::system_clock::now;
};

/// Amazon ECR by the AWS keys of this machine: its API, and the passwords of its registries.
/// Nothing is read or asked before the first use. Safe for many threads.
class EcrAccess {
 public:
  explicit EcrAccess(EcrOptions options);
  ~EcrAccess();

  /// The API for a registry. It lives as long as this object.
  Service& service(const EcrHost& host);

  /// User name and password for a registry, from GetAuthorizationToken or from what is left of its
  /// last answer in $XDG_CACHE_HOME/davit/ecr: one token serves all registries of a region.
  Credentials login(const EcrHost& host);

  /// Whether keys are configured at all: an instance's, which have to be asked for, do not count.
  bool has_configured_keys();

  /// The region that the configuration names; empty if none does.
  std::string region();

 private:
  struct State;
  State& state();

  const EcrOptions options_;
  std::mutex mutex_;
  std::unique_ptr<State> state_;
};

/// The credentials that are kept for a registry, as docker would find them, unless they are an ECR
/// password that has expired; for a registry of ECR without any, those of EcrAccess. ECR Public is
/// read without credentials where no keys are configured: nobody waits for an instance's. `stored`
/// and `ecr` outlive it.
class EcrCredentials final : public CredentialSource {
 public:
  EcrCredentials(CredentialSource& stored, EcrAccess& ecr,
                 WallClock now = std::chrono::system_clock::now)
      : stored_(stored), ecr_(ecr), now_(std::move(now)) {}

  std::optional<Credentials> find(std::string_view registry, std::string_view repository) override;

 private:
  CredentialSource& stored_;
  EcrAccess& ecr_;
  const WallClock now_;
};

/// When an ECR password stops to be good, which it says itself. Nothing for any other password.
std::optional<std::chrono::system_clock::time_point> password_expires(std::string_view password);

}  // namespace davit::transport::aws
