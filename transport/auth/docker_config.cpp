#include "transport/auth/docker_config.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "oci/base/atomic_file.hpp"
#include "oci/base/error.hpp"
#include "oci/base/file.hpp"
#include "oci/base/file_lock.hpp"
#include "oci/base/text.hpp"
#include "oci/model/json.hpp"
#include "transport/auth/helper.hpp"
#include "transport/auth/registry_key.hpp"

namespace davit::transport {
namespace {

namespace fs = std::filesystem;
using oci::Error;
using oci::ErrorKind;

constexpr std::uint64_t file_limit = 4 * oci::MiB;

/// One file as it was read.
struct ConfigFile {
  std::string name;  ///< for messages
  oci::Json json = oci::Json::object();
};

ConfigFile load(const fs::path& path) {
  ConfigFile file{.name = oci::printable(path.native())};
  std::string text;
  try {
    text = oci::read_file(path, file_limit);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::not_found) throw;
    return file;
  }
  // An empty file, /dev/null for one, is a usual way to say "none".
  if (oci::trim(text).empty()) return file;
  file.json = oci::parse_json(text, file.name);
  if (!file.json.is_object()) {
    throw Error(ErrorKind::corrupt, file.name + ": not a JSON object");
  }
  oci::object_member(file.json, "auths", file.name);
  oci::object_member(file.json, "credHelpers", file.name);
  return file;
}

/// The member of `object` whose key names one of `wanted`, canonical keys in order of preference;
/// nullptr if there is none. Of several that name the same, the one written as docker writes it,
/// else the first.
const oci::Json::Member* find_entry(const oci::Json& object,
                                    const std::vector<std::string>& wanted) {
  for (const std::string& canonical : wanted) {
    const std::string usual = server_address(canonical);
    const oci::Json::Member* first = nullptr;
    for (const oci::Json::Member& entry : object.members()) {
      if (entry.name == usual) return &entry;
      if (first == nullptr && canonical_key(entry.name) == canonical) first = &entry;
    }
    if (first != nullptr) return first;
  }
  return nullptr;
}

/// The helper a file names for the registry, if any.
std::optional<CredentialHelper> helper_for(const ConfigFile& file,
                                           const std::vector<std::string>& wanted) {
  const oci::Json& by_registry = oci::object_member(file.json, "credHelpers", file.name);
  std::string name;
  if (const auto* entry = find_entry(by_registry, wanted)) {
    name = oci::string_member(by_registry, entry->name, file.name);
  } else {
    name = oci::string_member(file.json, "credsStore", file.name);
  }
  if (name.empty()) return std::nullopt;
  return oci::doing(file.name, [&] { return CredentialHelper(name); });
}

/// What an entry of `auths` says. An empty one says nothing: docker writes it as a mark beside a
/// helper.
std::optional<Credentials> credentials_in(const oci::Json& entry, const std::string& what) {
  if (!entry.is_object()) throw Error(ErrorKind::corrupt, what + ": not a JSON object");
  Credentials found{.username = oci::string_member(entry, "username", what),
                    .password = oci::string_member(entry, "password", what),
                    .identity_token = oci::string_member(entry, "identitytoken", what),
                    .registry_token = oci::string_member(entry, "registrytoken", what)};
  const std::string auth = oci::string_member(entry, "auth", what);
  if (!auth.empty()) {
    const std::string pair = oci::doing(what + ": auth", [&] { return oci::from_base64(auth); });
    const std::size_t colon = pair.find(':');
    if (colon == std::string::npos) {
      throw Error(ErrorKind::corrupt, what + ": auth is not base64 of USER:PASSWORD");
    }
    found.username = pair.substr(0, colon);
    found.password = pair.substr(colon + 1);
    // Old versions of docker padded it.
    found.password.erase(std::min(found.password.find('\0'), found.password.size()));
  }
  if (found.password.empty() && found.identity_token.empty() && found.registry_token.empty()) {
    return std::nullopt;
  }
  return found;
}

std::optional<Credentials> find_in(const oci::Call& call, const ConfigFile& file,
                                   std::string_view registry, std::string_view repository) {
  const std::vector<std::string> wanted = keys_for(registry, repository);
  if (const auto helper = helper_for(file, wanted)) {
    auto found = oci::doing(fmt::format("credentials for {} ({})", registry, file.name),
                            [&] { return helper->get(call, server_address(registry)); });
    if (found) return found;
  }
  const oci::Json& auths = oci::object_member(file.json, "auths", file.name);
  for (const std::string& key : wanted) {
    const auto* entry = find_entry(auths, {key});
    if (entry == nullptr) continue;
    const std::string what = fmt::format("{}: {}", file.name, oci::printable(entry->name));
    if (auto found = credentials_in(entry->value, what)) return found;
  }
  return std::nullopt;
}

bool is_there(const fs::path& path) {
  std::error_code unknown;
  return fs::exists(path, unknown);
}

/// Makes missing directories readable for nobody else, whatever the umask says.
void make_private_directories(const fs::path& directory) {
  if (directory.empty() || is_there(directory)) return;
  make_private_directories(directory.parent_path());
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    throw oci::errno_error(oci::printable(directory.native()));
  }
}

/// Root writing a user's file leaves it to the user; anyone else has no business in a file that is
/// not theirs.
void keep_owner(const oci::AtomicFile& fresh, const fs::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || status.st_uid == ::geteuid()) return;
  if (::geteuid() != 0 || ::fchown(fresh.fd(), status.st_uid, status.st_gid) != 0) {
    throw Error(ErrorKind::denied,
                oci::printable(path.native()) + ": belongs to another user and is not replaced");
  }
}

void replace(const fs::path& path, const oci::Json& json) {
  oci::AtomicFile fresh(path, 0600);
  keep_owner(fresh, path);
  fresh.write(oci::bytes_of(oci::to_text(json, "\t") + "\n"));
  fresh.commit();
}

/// Whether an entry is the mark that docker leaves beside a helper.
bool says_nothing(const oci::Json& entry) {
  return entry.is_null() || (entry.is_object() && entry.empty());
}

/// Removes all entries of `auths` for a registry, whatever their spelling. Returns whether one was
/// more than a mark.
bool erase_entries(oci::Json& json, std::string_view registry) {
  oci::Json* auths = json.find("auths");
  if (auths == nullptr || !auths->is_object()) return false;
  const std::string wanted = keys_for(registry, {}).front();
  bool found = false;
  std::erase_if(auths->editable_members(), [&](const oci::Json::Member& entry) {
    if (canonical_key(entry.name) != wanted) return false;
    found = found || !says_nothing(entry.value);
    return true;
  });
  return found;
}

oci::Json entry_of(const Credentials& credentials) {
  oci::Json entry = oci::Json::object();
  if (!credentials.username.empty() || !credentials.password.empty()) {
    entry["auth"] =
        oci::to_base64(oci::bytes_of(credentials.username + ":" + credentials.password));
  }
  if (!credentials.identity_token.empty()) entry["identitytoken"] = credentials.identity_token;
  if (!credentials.registry_token.empty()) entry["registrytoken"] = credentials.registry_token;
  return entry;
}

/// Waits for other writers of the same file; they agree on a file beside it. Something else than a
/// file (/dev/null stands for "no credentials") is not to be replaced by one.
oci::FileLock lock(const oci::Call& call, const fs::path& path) {
  if (is_there(path) && !fs::is_regular_file(path)) {
    throw Error(ErrorKind::denied, oci::printable(path.native()) + ": not a regular file");
  }
  return oci::FileLock(call, path.native() + ".lock");
}

}  // namespace

std::vector<fs::path> credential_files() {
  if (const auto file = oci::environment("REGISTRY_AUTH_FILE")) return {*file};
  if (const auto directory = oci::environment("DOCKER_CONFIG")) {
    return {fs::path(*directory) / "config.json"};
  }
  const fs::path home = oci::environment("HOME").value_or("");
  std::vector<fs::path> files;
  if (!home.empty()) files.push_back(home / ".docker/config.json");
  if (const auto runtime = oci::environment("XDG_RUNTIME_DIR")) {
    files.push_back(fs::path(*runtime) / "containers/auth.json");
  }
  if (const auto config = oci::environment("XDG_CONFIG_HOME")) {
    files.push_back(fs::path(*config) / "containers/auth.json");
  } else if (!home.empty()) {
    files.push_back(home / ".config/containers/auth.json");
  }
  return files;
}

std::optional<Credentials> DockerConfig::find(const oci::Call& call, std::string_view registry,
                                              std::string_view repository) {
  for (const fs::path& path : files_) {
    if (auto found = find_in(call, load(path), registry, repository)) return found;
  }
  return std::nullopt;
}

std::string DockerConfig::store(const oci::Call& call, std::string_view registry,
                                const Credentials& credentials) {
  if (credentials.username.find(':') != std::string::npos) {
    throw Error(ErrorKind::usage, "a user name cannot have a colon in it");
  }
  if (files_.empty()) {
    throw Error(ErrorKind::failed, "no place to keep credentials", "set HOME or DOCKER_CONFIG");
  }
  const auto existing = std::find_if(files_.begin(), files_.end(), is_there);
  const fs::path path = oci::follow_links(existing == files_.end() ? files_.front() : *existing);
  make_private_directories(path.parent_path());
  const oci::FileLock held = lock(call, path);
  const ConfigFile file = load(path);
  oci::Json json = file.json;
  erase_entries(json, registry);
  const auto helper = helper_for(file, keys_for(registry, {}));
  if (helper) helper->store(call, server_address(registry), credentials);
  // Beside a helper, docker writes an empty entry; it also takes the place of an old secret.
  json["auths"][server_address(registry)] = helper ? oci::Json::object() : entry_of(credentials);
  replace(path, json);
  return helper ? helper->program() : file.name;
}

bool DockerConfig::erase(const oci::Call& call, std::string_view registry) {
  bool found = false;
  for (const fs::path& name : files_) {
    const fs::path path = oci::follow_links(name);
    if (!is_there(path)) continue;
    const oci::FileLock held = lock(call, path);
    const ConfigFile file = load(path);
    if (const auto helper = helper_for(file, keys_for(registry, {}))) {
      if (helper->get(call, server_address(registry))) {
        helper->erase(call, server_address(registry));
        found = true;
      }
    }
    oci::Json json = file.json;
    found = erase_entries(json, registry) || found;
    if (json != file.json) replace(path, json);
  }
  return found;
}

}  // namespace davit::transport
