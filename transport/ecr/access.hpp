#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "oci/base/text.hpp"
#include "transport/auth/credentials.hpp"
#include "transport/aws/config.hpp"
#include "transport/aws/keys.hpp"
#include "transport/aws/service.hpp"
#include "transport/ecr/host.hpp"
#include "transport/ecr/token_file.hpp"
#include "transport/http/curl.hpp"
#include "transport/http/curl_options.hpp"
#include "transport/http/retry.hpp"

namespace davit::transport::ecr {

struct AccessOptions {
  std::string profile;  ///< --profile; empty: as the environment says
  CurlOptions curl;
  RetryOptions retry;
  aws::Environment environment = oci::environment;
  aws::WallClock now = std::chrono::system_clock::now;
  /// What connections are made by.
  std::function<std::unique_ptr<Transport>(CurlOptions)> connect = make_curl;
};

/// Amazon ECR by the AWS keys of this machine: its API, and the passwords of its registries.
/// Nothing is read or asked before the first use. Safe for many threads.
class Access {
 public:
  explicit Access(AccessOptions options);
  ~Access();

  /// The API for a registry. It lives as long as this object.
  aws::Service& service(const Host& host);

  /// User name and password for a registry, from GetAuthorizationToken or from what is left of its
  /// last answer in $XDG_CACHE_HOME/davit/ecr: one token serves all registries of a region.
  Credentials login(const oci::Call& call, const Host& host);

  /// A registry has refused what `login` gave: the next `login` asks for another token.
  void forget(const oci::Call& call, const Host& host, const Credentials& refused);

  /// Whether keys are configured at all: an instance's, which have to be asked for, do not count.
  bool has_configured_keys();

  /// The region that the configuration names; empty if none does.
  std::string region();

 private:
  struct State;
  State& state();
  std::string token_key(const oci::Call& call, const Host& host);

  const AccessOptions options_;
  std::mutex mutex_;
  std::unique_ptr<State> state_;
};

/// The credentials that are kept for a registry, as docker would find them. For a registry of ECR
/// those of Access, if none are kept, or what is kept is a password that has expired or was
/// refused, or a helper that cannot say (a warning): a token of one's own is as good. ECR Public is
/// read without credentials where no keys are configured: nobody waits for an instance's. `stored`
/// and `ecr` outlive it.
class LoginSource final : public CredentialSource {
 public:
  LoginSource(CredentialSource& stored, Access& ecr,
              aws::WallClock now = std::chrono::system_clock::now)
      : stored_(stored), ecr_(ecr), now_(std::move(now)) {}

  std::optional<Credentials> find(const oci::Call& call, std::string_view registry,
                                  std::string_view repository) override;
  void forget(const oci::Call& call, std::string_view registry,
              const Credentials& refused) override;

 private:
  std::optional<Credentials> find_stored(const oci::Call& call, std::string_view registry,
                                         std::string_view repository);
  bool is_refused(const Credentials& credentials);

  CredentialSource& stored_;
  Access& ecr_;
  const aws::WallClock now_;
  std::mutex mutex_;
  std::vector<Credentials> refused_;  // by registries of ECR
};

/// When an ECR password stops to be good, which it says itself. Nothing for any other password.
std::optional<std::chrono::system_clock::time_point> password_expires(std::string_view password);

}  // namespace davit::transport::ecr
