#include <fmt/format.h>

#include <set>

#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"
#include "oci/base/file.hpp"
#include "oci/base/process.hpp"
#include "oci/base/words.hpp"
#include "oci/model/digest.hpp"
#include "oci/model/json.hpp"
#include "transport/aws/key_documents.hpp"
#include "transport/aws/keys.hpp"
#include "transport/aws/metadata.hpp"
#include "transport/aws/sso.hpp"
#include "transport/aws/sts.hpp"

namespace davit::transport::aws {
namespace {

using oci::Error;
using oci::ErrorKind;
using Source = std::unique_ptr<KeySource>;

constexpr std::uint64_t login_limit = 64 * oci::KiB;
constexpr std::chrono::minutes process_time{1};

/// Keys that are there, word for word.
class Static final : public KeySource {
 public:
  explicit Static(TimedKeys keys) : keys_(std::move(keys)) {}

  std::optional<std::string> principal() const override {
    return "key/" + keys_.keys.access_key_id;
  }
  TimedKeys fetch(const oci::Call&) override { return keys_; }

 private:
  const TimedKeys keys_;
};

/// The output of a program that the profile names.
class Process final : public KeySource {
 public:
  explicit Process(std::string line) : line_(std::move(line)) {}

  std::optional<std::string> principal() const override { return std::nullopt; }

  TimedKeys fetch(const oci::Call& call) override {
    const std::vector<std::string> words = oci::split_words(line_);
    if (words.empty()) throw Error(ErrorKind::denied, "credential_process names no program");
    const std::string what = fmt::format("credential_process {}", oci::printable(words.front()));
    const oci::ProcessResult result =
        oci::doing(what, [&] { return oci::run_process(call, words, "", {.time = process_time}); });
    if (result.status != 0) {
      throw Error(ErrorKind::denied,
                  fmt::format("{}: exit status {}: {}", what, result.status,
                              oci::printable(result.errors.substr(0, result.errors.find('\n')))));
    }
    return parse_keys(result.output, what);
  }

 private:
  const std::string line_;
};

/// What `aws login` has left behind, as long as it is good.
class Login final : public KeySource {
 public:
  Login(const World& world, std::string session) : world_(world), session_(std::move(session)) {}

  std::optional<std::string> principal() const override { return "login/" + session_; }

  TimedKeys fetch(const oci::Call&) override {
    const auto directory = world_.config.environment("AWS_LOGIN_CACHE_DIRECTORY");
    const std::filesystem::path file =
        (directory ? std::filesystem::path(*directory)
                   : world_.config.directory() / "login" / "cache") /
        (std::string(oci::digest_of(oci::bytes_of(session_)).hex()) + ".json");
    TimedKeys keys;
    try {
      const oci::Json json = oci::parse_json(oci::read_file(file, login_limit), "the login");
      const oci::Json& token = oci::object_member(json, "accessToken", "the login");
      keys.keys.access_key_id = oci::string_member(token, "accessKeyId", "the login");
      keys.keys.secret_access_key = oci::string_member(token, "secretAccessKey", "the login");
      keys.keys.session_token = oci::string_member(token, "sessionToken", "the login");
      keys.expires = parse_time(oci::string_member(token, "expiresAt", "the login"));
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::not_found && error.kind() != ErrorKind::corrupt) throw;
    }
    if (keys.keys.access_key_id.empty() || !keys.expires || *keys.expires <= world_.now()) {
      throw Error(ErrorKind::denied,
                  fmt::format("the login of profile '{}' has expired, or there is none",
                              oci::printable(world_.config.profile())),
                  fmt::format("aws login --profile {}", world_.config.profile()));
    }
    return keys;
  }

 private:
  const World world_;
  const std::string session_;
};

using Get = std::function<std::optional<std::string>(const std::string&)>;

Source static_keys(const Get& get, const std::string& where) {
  const auto id = get("aws_access_key_id");
  if (!id) return nullptr;
  const auto secret = get("aws_secret_access_key");
  if (!secret) {
    throw Error(ErrorKind::denied,
                fmt::format("{} has aws_access_key_id but no aws_secret_access_key", where));
  }
  TimedKeys keys;
  keys.keys = {*id, *secret, get("aws_session_token").value_or("")};
  return std::make_unique<Static>(std::move(keys));
}

Source environment_keys(const Config& config) {
  const auto id = config.environment("AWS_ACCESS_KEY_ID");
  if (!id) return nullptr;
  const auto secret = config.environment("AWS_SECRET_ACCESS_KEY");
  if (!secret) {
    throw Error(ErrorKind::denied, "AWS_ACCESS_KEY_ID is set but AWS_SECRET_ACCESS_KEY is not");
  }
  auto token = config.environment("AWS_SESSION_TOKEN");
  if (!token) token = config.environment("AWS_SECURITY_TOKEN");
  TimedKeys keys;
  keys.keys = {*id, *secret, token.value_or("")};
  if (const auto expires = config.environment("AWS_CREDENTIAL_EXPIRATION")) {
    keys.expires = parse_time(*expires);
  }
  return std::make_unique<Static>(std::move(keys));
}

/// What one profile says, other profiles that it refers to included.
class Profiles {
 public:
  explicit Profiles(const World& world) : world_(world), config_(world.config) {}

  Source of(const std::string& profile) {
    const std::string where = fmt::format("AWS profile '{}'", oci::printable(profile));
    if (!seen_.insert(profile).second) {
      throw Error(ErrorKind::denied, where + " is its own source_profile, through others or not");
    }
    const auto get = [&](const std::string& key) { return config_.get(profile, key); };
    if (get("role_arn") && !get("web_identity_token_file")) return assumed(profile, where);
    if (Source source = web_identity(profile)) return source;
    if (Source source = sso(profile, where)) return source;
    return own_keys(profile, where);
  }

 private:
  Role role_of(const std::string& profile) const {
    const auto get = [&](const std::string& key) { return config_.get(profile, key).value_or(""); };
    return {get("role_arn"), get("role_session_name"), get("external_id"), get("duration_seconds")};
  }

  Source assumed(const std::string& profile, const std::string& where) {
    const auto source = config_.get(profile, "source_profile");
    const auto named = config_.get(profile, "credential_source");
    if (source.has_value() == named.has_value()) {
      throw Error(ErrorKind::denied,
                  where +
                      " has a role_arn, and so needs source_profile or credential_source, "
                      "one of the two");
    }
    if (config_.get(profile, "mfa_serial")) {
      throw Error(
          ErrorKind::denied,
          where + " wants a code from a device (mfa_serial), which cannot be asked for here",
          "give the keys of a session by `aws configure export-credentials`");
    }
    Source keys;
    if (source && *source == profile) {
      keys = own_keys(profile, where);
    } else if (source) {
      if (!config_.has_profile(*source)) {
        throw Error(ErrorKind::denied, fmt::format("{}: there is no source_profile '{}'", where,
                                                   oci::printable(*source)));
      }
      keys = of(*source);
    } else if (*named == "Environment") {
      keys = environment_keys(config_);
    } else if (*named == "EcsContainer") {
      keys = make_container(world_);
    } else if (*named == "Ec2InstanceMetadata") {
      keys = make_instance(world_);
    }
    if (!keys) {
      throw Error(ErrorKind::denied, fmt::format("{}: no keys from {} to assume its role with",
                                                 where, oci::printable(source ? *source : *named)));
    }
    return make_assume_role(world_, role_of(profile), std::move(keys));
  }

  Source web_identity(const std::string& profile) {
    // The environment's are the chosen profile's alone.
    if (profile == config_.profile()) {
      const auto file = config_.environment("AWS_WEB_IDENTITY_TOKEN_FILE");
      const auto arn = config_.environment("AWS_ROLE_ARN");
      if (file && arn) {
        const auto name = config_.environment("AWS_ROLE_SESSION_NAME");
        return make_web_identity(world_, {*arn, name.value_or(""), "", ""}, *file);
      }
    }
    const auto file = config_.get(profile, "web_identity_token_file");
    if (!file || !config_.get(profile, "role_arn")) return nullptr;
    return make_web_identity(world_, role_of(profile), *file);
  }

  Source sso(const std::string& profile, const std::string& where) {
    const auto get = [&](const std::string& key) { return config_.get(profile, key).value_or(""); };
    SsoSession session{get("sso_session"), get("sso_start_url"), get("sso_region"),
                       get("sso_account_id"), get("sso_role_name")};
    if (session.account.empty() || session.role.empty()) return nullptr;
    if (!session.name.empty()) {
      const Settings* settings = config_.section("sso-session", session.name);
      if (settings == nullptr) {
        throw Error(ErrorKind::denied, fmt::format("{}: there is no [sso-session {}]", where,
                                                   oci::printable(session.name)));
      }
      const auto value = [&](const char* key) {
        const auto found = settings->find(key);
        return found == settings->end() ? std::string() : found->second;
      };
      session.start_url = value("sso_start_url");
      session.region = value("sso_region");
    }
    if (session.start_url.empty() || session.region.empty()) {
      throw Error(ErrorKind::denied, where + " has no sso_start_url and sso_region");
    }
    return make_sso(world_, std::move(session));
  }

  /// Keys that the profile holds itself, or a program that gives them.
  Source own_keys(const std::string& profile, const std::string& where) {
    if (Source source = static_keys(
            [&](const std::string& key) { return config_.in_credentials(profile, key); }, where)) {
      return source;
    }
    if (const auto login = config_.get(profile, "login_session")) {
      return std::make_unique<Login>(world_, *login);
    }
    if (const auto process = config_.get(profile, "credential_process")) {
      return std::make_unique<Process>(*process);
    }
    return static_keys([&](const std::string& key) { return config_.in_config(profile, key); },
                       where);
  }

  const World& world_;
  const Config& config_;
  std::set<std::string> seen_;
};

/// The end of the chain: says what was looked at, should this machine be no instance either.
class Last final : public KeySource {
 public:
  Last(const Config& config, Source instance)
      : looked_at_(fmt::format("{}; profile '{}' in {} and {} has no keys, role, SSO or "
                               "credential_process; no AWS_CONTAINER_CREDENTIALS_*_URI is set",
                               config.profile_is_explicit()
                                   ? "a profile was chosen, which goes before AWS_ACCESS_KEY_ID"
                                   : "AWS_ACCESS_KEY_ID is not set",
                               oci::printable(config.profile()), config.credentials_file().native(),
                               config.config_file().native())),
        instance_(std::move(instance)) {}

  std::optional<std::string> principal() const override { return std::nullopt; }
  bool is_configured() const override { return false; }

  TimedKeys fetch(const oci::Call& call) override {
    std::string why = "AWS_EC2_METADATA_DISABLED is set";
    if (instance_) {
      try {
        return instance_->fetch(call);
      } catch (const Error& error) {
        if (error.kind() == ErrorKind::interrupted) throw;
        why = error.what();
      }
    }
    throw Error(ErrorKind::denied,
                fmt::format("no AWS credentials were found: {}; {}", looked_at_, why),
                "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
  }

 private:
  const std::string looked_at_;
  const Source instance_;
};

}  // namespace

std::unique_ptr<KeySource> choose_keys(const World& world) {
  const Config& config = world.config;
  if (!config.profile_is_explicit()) {
    if (Source source = environment_keys(config)) return source;
  }
  if (Source source = Profiles(world).of(config.profile())) return source;
  if (Source source = make_container(world)) return source;
  return std::make_unique<Last>(config, make_instance(world));
}

Keys KeyRing::get(const oci::Call& call) {
  constexpr std::chrono::minutes before{10};
  const std::lock_guard lock(mutex_);
  if (!known_ || (known_->expires && now_() + before >= *known_->expires)) {
    known_ = source_->fetch(call);
  }
  return known_->keys;
}

std::string KeyRing::identity(const oci::Call& call) {
  const auto principal = source_->principal();
  return principal ? *principal : "key/" + get(call).access_key_id;
}

void KeyRing::drop() {
  const std::lock_guard lock(mutex_);
  known_.reset();
}

}  // namespace davit::transport::aws
