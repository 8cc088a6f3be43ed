#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace davit::transport::aws {

/// The environment: a parameter, so that tests have one of their own. Empty values are absent.
using Environment = std::function<std::optional<std::string>(const char*)>;

/// The settings of one section; those that are indented below a key are named "key.name".
using Settings = std::map<std::string, std::string>;

/// Sections by their names as the file has them: "profile NAME", "sso-session NAME". Comments
/// begin with "#" or ";" at the start of a line or after a blank. Total: what is no setting is left
/// out.
std::map<std::string, Settings> parse_ini(std::string_view text);

/// What ~/.aws/config and ~/.aws/credentials say ($AWS_CONFIG_FILE, $AWS_SHARED_CREDENTIALS_FILE),
/// and what the environment puts before them. The files are read when this is made; missing ones
/// are empty.
class Config {
 public:
  /// `profile` is what a person chose by an option; empty: $AWS_PROFILE, $AWS_DEFAULT_PROFILE, or
  /// "default". Throws Error(denied) if there is no profile of a name that was chosen.
  explicit Config(Environment environment, const std::string& profile = {});

  const std::string& profile() const { return profile_; }
  /// By an option rather than by the environment: such a one goes before keys of the environment.
  bool profile_is_explicit() const { return explicit_; }
  std::optional<std::string> environment(const char* name) const { return environment_(name); }

  /// A setting of the chosen profile, or of another one; of the two files, the credentials' counts.
  std::optional<std::string> get(const std::string& key) const { return get(profile_, key); }
  std::optional<std::string> get(const std::string& profile, const std::string& key) const;
  /// Only what stands in one file.
  std::optional<std::string> in_credentials(const std::string& profile,
                                            const std::string& key) const;
  std::optional<std::string> in_config(const std::string& profile, const std::string& key) const;
  bool has_profile(const std::string& profile) const;
  /// "sso-session NAME", "services NAME".
  const Settings* section(const std::string& kind, const std::string& name) const;

  /// $VARIABLE, else the profile's setting.
  std::optional<std::string> choose(const char* variable, const std::string& key) const;
  bool is_true(const char* variable, const std::string& key) const;

  /// $AWS_REGION, $AWS_DEFAULT_REGION, or the profile's; empty if none is set.
  std::string region() const;
  /// Another endpoint for a service ("ecr", "sts"): $AWS_ENDPOINT_URL_ECR, $AWS_ENDPOINT_URL, the
  /// profile's `services` section, its `endpoint_url`; none where
  /// $AWS_IGNORE_CONFIGURED_ENDPOINT_URLS says so.
  std::optional<std::string> endpoint(const std::string& service) const;

  /// Where the AWS command line keeps things: ~/.aws.
  std::filesystem::path directory() const;
  std::filesystem::path config_file() const { return config_file_; }
  std::filesystem::path credentials_file() const { return credentials_file_; }

 private:
  Environment environment_;
  std::string profile_;
  bool explicit_ = false;
  std::filesystem::path config_file_;
  std::filesystem::path credentials_file_;
  std::map<std::string, Settings> config_;       // by section
  std::map<std::string, Settings> credentials_;  // by profile
};

}  // namespace davit::transport::aws
