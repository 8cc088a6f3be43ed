#include "transport/aws/config.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"
#include "oci/base/file.hpp"
#include "oci/base/text.hpp"

namespace davit::transport::aws {
namespace {

constexpr std::uint64_t file_limit = 1 * oci::MiB;

std::string_view without_comment(std::string_view line) {
  for (std::size_t i = 1; i < line.size(); ++i) {
    const bool mark = line[i] == '#' || line[i] == ';';
    if (mark && (line[i - 1] == ' ' || line[i - 1] == '\t')) return oci::trim(line.substr(0, i));
  }
  return line;
}

/// "profile NAME" with blanks made one and quotes taken off.
std::string section_name(std::string_view text) {
  text = oci::trim(text);
  const auto blank = text.find_first_of(" \t");
  if (blank == std::string_view::npos) return std::string(text);
  std::string_view name = oci::trim(text.substr(blank));
  if (name.size() >= 2 && (name.front() == '"' || name.front() == '\'') &&
      name.back() == name.front()) {
    name = name.substr(1, name.size() - 2);
  }
  return fmt::format("{} {}", text.substr(0, blank), name);
}

std::map<std::string, Settings> read(const std::filesystem::path& path) {
  try {
    return parse_ini(oci::read_file(path, file_limit));
  } catch (const oci::Error& error) {
    if (error.kind() != oci::ErrorKind::not_found) throw;
    return {};
  }
}

std::optional<std::string> find(const std::map<std::string, Settings>& sections,
                                const std::string& section, const std::string& key) {
  const auto found = sections.find(section);
  if (found == sections.end()) return std::nullopt;
  const auto value = found->second.find(key);
  if (value == found->second.end() || value->second.empty()) return std::nullopt;
  return value->second;
}

std::string profile_section(const std::string& profile) {
  return profile == "default" ? profile : "profile " + profile;
}

}  // namespace

std::map<std::string, Settings> parse_ini(std::string_view text) {
  std::map<std::string, Settings> sections;
  Settings* section = nullptr;
  std::string above;  // the key whose value is the indented lines that follow
  while (!text.empty()) {
    const auto end = text.find('\n');
    const std::string_view raw = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const std::string_view line = oci::trim(raw);
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    if (line.front() == '[') {
      const auto close = line.find(']');
      section = close == std::string_view::npos
                    ? nullptr
                    : &sections[section_name(line.substr(1, close - 1))];
      above.clear();
      continue;
    }
    const auto equals = line.find('=');
    if (section == nullptr || equals == std::string_view::npos) continue;
    std::string key = oci::lower_case(oci::trim(line.substr(0, equals)));
    const std::string value(without_comment(oci::trim(line.substr(equals + 1))));
    const bool indented = raw.front() == ' ' || raw.front() == '\t';
    if (indented && !above.empty()) {
      key = above + "." + key;
    } else {
      above = value.empty() ? key : "";
    }
    (*section)[key] = value;
  }
  return sections;
}

Config::Config(Environment environment, const std::string& profile)
    : environment_(std::move(environment)), explicit_(!profile.empty()) {
  config_file_ = environment_("AWS_CONFIG_FILE").value_or((directory() / "config").native());
  credentials_file_ =
      environment_("AWS_SHARED_CREDENTIALS_FILE").value_or((directory() / "credentials").native());
  config_ = read(config_file_);
  credentials_ = read(credentials_file_);

  std::optional<std::string> chosen = environment_("AWS_PROFILE");
  if (!chosen) chosen = environment_("AWS_DEFAULT_PROFILE");
  if (explicit_) chosen = profile;
  profile_ = chosen.value_or("default");
  if (chosen && *chosen != "default" && !has_profile(profile_)) {
    throw oci::Error(
        oci::ErrorKind::denied,
        fmt::format("there is no AWS profile '{}' in {} or {}", oci::printable(profile_),
                    config_file_.native(), credentials_file_.native()));
  }
}

std::filesystem::path Config::directory() const {
  return std::filesystem::path(environment_("HOME").value_or("/")) / ".aws";
}

std::optional<std::string> Config::in_credentials(const std::string& profile,
                                                  const std::string& key) const {
  return find(credentials_, profile, key);
}

std::optional<std::string> Config::in_config(const std::string& profile,
                                             const std::string& key) const {
  return find(config_, profile_section(profile), key);
}

std::optional<std::string> Config::get(const std::string& profile, const std::string& key) const {
  if (auto value = in_credentials(profile, key)) return value;
  return in_config(profile, key);
}

bool Config::has_profile(const std::string& profile) const {
  return credentials_.contains(profile) || config_.contains(profile_section(profile));
}

const Settings* Config::section(const std::string& kind, const std::string& name) const {
  const auto found = config_.find(kind + " " + name);
  return found == config_.end() ? nullptr : &found->second;
}

std::optional<std::string> Config::choose(const char* variable, const std::string& key) const {
  if (auto value = environment_(variable)) return value;
  return get(key);
}

bool Config::is_true(const char* variable, const std::string& key) const {
  return oci::lower_case(choose(variable, key).value_or("")) == "true";
}

std::string Config::region() const {
  for (const char* variable : {"AWS_REGION", "AWS_DEFAULT_REGION"}) {
    if (auto value = environment_(variable)) return *value;
  }
  return get("region").value_or("");
}

std::optional<std::string> Config::endpoint(const std::string& service) const {
  if (is_true("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "ignore_configured_endpoint_urls")) {
    return std::nullopt;
  }
  std::string variable = "AWS_ENDPOINT_URL_" + service;
  std::transform(variable.begin(), variable.end(), variable.begin(), [](char c) {
    return c == '-' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  if (auto url = environment_(variable.c_str())) return url;
  if (auto url = environment_("AWS_ENDPOINT_URL")) return url;
  if (const auto services = get("services")) {
    std::string key = service;
    std::replace(key.begin(), key.end(), '-', '_');
    const Settings* settings = section("services", *services);
    if (settings != nullptr) {
      const auto url = settings->find(key + ".endpoint_url");
      if (url != settings->end()) return url->second;
    }
  }
  return get("endpoint_url");
}

}  // namespace davit::transport::aws
