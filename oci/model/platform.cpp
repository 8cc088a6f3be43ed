#include "oci/model/platform.hpp"

#include <fmt/format.h>
#include <sys/utsname.h>

#include <algorithm>
#include <map>

#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"

namespace davit::oci {
namespace {

struct Machine {
  std::string architecture;
  std::string variant;

  friend bool operator==(const Machine&, const Machine&) = default;
};

/// Go's name for an architecture, which is what images carry.
Machine go_name(const std::string& name) {
  static const std::map<std::string, Machine> names = {
      {"x86_64", {"amd64", ""}},      {"x86-64", {"amd64", ""}},
      {"aarch64", {"arm64", ""}},     {"i386", {"386", ""}},
      {"i586", {"386", ""}},          {"i686", {"386", ""}},
      {"armv8l", {"arm", "v8"}},      {"armhf", {"arm", "v7"}},
      {"armv7l", {"arm", "v7"}},      {"armel", {"arm", "v6"}},
      {"armv6l", {"arm", "v6"}},      {"armv5tel", {"arm", "v5"}},
      {"ppc64el", {"ppc64le", ""}},   {"mipsel", {"mipsle", ""}},
      {"mips64el", {"mips64le", ""}}, {"loongarch64", {"loong64", ""}},
  };
  const auto found = names.find(name);
  return found == names.end() ? Machine{name, ""} : found->second;
}

/// Go's names, and the variant that is meant where none is said.
Machine normal(const std::string& architecture, const std::string& variant) {
  Machine machine = go_name(architecture);
  if (!variant.empty()) machine.variant = variant;
  const bool arm = machine.architecture == "arm" || machine.architecture == "arm64";
  if (arm && machine.variant.size() == 1) machine.variant = "v" + machine.variant;
  if (!machine.variant.empty()) return machine;
  if (machine.architecture == "arm64") machine.variant = "v8";
  if (machine.architecture == "arm") machine.variant = "v7";
  if (machine.architecture == "amd64") machine.variant = "v1";
  return machine;
}

/// The variants of an architecture, newest first: a machine also runs what was built for older
/// ones.
std::vector<std::string> variants_of(const std::string& architecture) {
  if (architecture == "arm") return {"v8", "v7", "v6", "v5"};
  if (architecture == "arm64") return {"v9", "v8"};
  if (architecture == "amd64") return {"v4", "v3", "v2", "v1"};
  return {};
}

bool is_plain(std::string_view text, std::string_view more) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || more.find(c) != more.npos;
  });
}

}  // namespace

std::string Platform::str() const {
  std::string text = os + "/" + architecture;
  if (!variant.empty()) text += "/" + variant;
  if (!os_version.empty()) text += ":" + os_version;
  return text;
}

Platform Platform::parse(std::string_view text) {
  const auto bad = [&] {
    return Error(ErrorKind::usage, fmt::format("'{}' is not a platform", printable(text)),
                 "a platform is OS/ARCH or OS/ARCH/VARIANT, such as linux/arm64");
  };
  Platform platform;
  std::string_view rest = text;
  if (const auto colon = rest.find(':'); colon != std::string_view::npos) {
    platform.os_version = rest.substr(colon + 1);
    if (!is_plain(platform.os_version, "._-")) throw bad();
    rest = rest.substr(0, colon);
  }
  std::vector<std::string> parts;
  while (true) {
    const auto slash = rest.find('/');
    parts.emplace_back(rest.substr(0, slash));
    if (slash == std::string_view::npos) break;
    rest = rest.substr(slash + 1);
  }
  if (parts.size() < 2 || parts.size() > 3) throw bad();
  for (const std::string& part : parts) {
    if (!is_plain(part, "._-")) throw bad();
  }
  platform.os = parts[0];
  platform.architecture = go_name(parts[1]).architecture;
  platform.variant =
      parts.size() == 3 ? normal(parts[1], parts[2]).variant : go_name(parts[1]).variant;
  return platform;
}

Platform Platform::host() {
  utsname name{};
  if (::uname(&name) != 0) throw errno_error("uname");
  Platform platform;
  platform.os = "linux";
  const Machine machine = go_name(name.machine);
  platform.architecture = machine.architecture;
  platform.variant = machine.variant;
  return platform;
}

bool Platform::satisfies(const Platform& wanted) const {
  if (os != wanted.os ||
      normal(architecture, variant) != normal(wanted.architecture, wanted.variant)) {
    return false;
  }
  return wanted.os_version.empty() || os_version == wanted.os_version ||
         os_version.starts_with(wanted.os_version + ".");
}

std::vector<Platform> Platform::choices() const {
  std::vector<Platform> list = {*this};
  const Machine newest = normal(architecture, variant);
  const std::vector<std::string> variants = variants_of(newest.architecture);
  const auto own = std::find(variants.begin(), variants.end(), newest.variant);
  for (auto older = own; older != variants.end(); ++older) {
    if (older == own) continue;
    list.push_back(*this);
    list.back().variant = *older;
  }
  return list;
}

}  // namespace davit::oci
