#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "transport/aws/config.hpp"
#include "transport/aws/signature.hpp"
#include "transport/http/transport.hpp"

namespace davit::transport::aws {

using WallClock = std::function<std::chrono::system_clock::time_point()>;

/// Keys, and until when they are good.
struct TimedKeys {
  Keys keys;
  std::optional<std::chrono::system_clock::time_point> expires;
};

/// Where keys come from, once it is clear where that is.
struct KeySource {
  virtual ~KeySource() = default;

  /// Whose keys they are, as far as that is certain without asking for them: a role, of which each
  /// new session has other keys. Nothing where only the keys themselves tell, as of an instance or
  /// a program, which give what their surroundings say. Not secret.
  virtual std::optional<std::string> principal() const = 0;
  /// Whether a person has named it. The instance metadata service is there or not, unasked.
  virtual bool is_configured() const { return true; }
  /// Throws Error(denied) saying what is wrong and what to do, Error(unavailable).
  virtual TimedKeys fetch(const oci::Call& call) = 0;
};

/// What key sources reach the world by.
struct World {
  const Config& config;
  Transport& aws;       ///< to STS and SSO
  Transport& metadata;  ///< to the services of this machine: short times, no proxy
  WallClock now = std::chrono::system_clock::now;
};

/// The source of keys that the configuration names, in the order of the AWS command line: an
/// explicit profile or else the environment's keys; a role to assume, a web identity, SSO, keys in
/// the credentials file, `aws login`, a credential_process, keys in the config file; a container's
/// endpoint, and this machine's instance metadata, which may turn out not to be there.
/// Throws Error(denied) for what is named but incomplete. `world` outlives the result.
std::unique_ptr<KeySource> choose_keys(const World& world);

/// Keys from a source, kept until ten minutes before they expire. Safe for many threads: one at a
/// time asks the source.
class KeyRing {
 public:
  KeyRing(std::unique_ptr<KeySource> source, WallClock now)
      : source_(std::move(source)), now_(std::move(now)) {}

  bool is_configured() const { return source_->is_configured(); }
  /// Whose keys they are; the same for two rings only if those are the same one's. Asks the source
  /// where the keys alone tell.
  std::string identity(const oci::Call& call);
  Keys get(const oci::Call& call);
  /// The service took them for expired or unknown.
  void drop();

 private:
  const std::unique_ptr<KeySource> source_;
  const WallClock now_;
  std::mutex mutex_;
  std::optional<TimedKeys> known_;
};

}  // namespace davit::transport::aws
