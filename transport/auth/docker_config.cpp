#include "transport/auth/docker_config.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <system_error>

#include "oci/base/atomic_file.hpp"
#include "oci/base/error.hpp"
#include "oci/base/file.hpp"
#include "oci/base/file_lock.hpp"
#include "oci/model/json.hpp"
#include "transport/auth/helper.hpp"
#include "transport/auth/registry_key.hpp"

namespace davit::transport {
namespace {

namespace fs = std::filesystem;
using oci::Error;
using oci::ErrorKind;
/// Keeps members in their order, so that a change to one leaves the others where they were.
using OrderedJson = nlohmann::ordered_json;

constexpr std::uint64_t file_limit = 4 * oci::MiB;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : value;
}

/// One file as it was read.
struct ConfigFile {
  std::string name;  ///< for messages
  oci::Json json = oci::Json::object();
  std::string text;
  bool exists = false;
};

ConfigFile load(const fs::path& path) {
  ConfigFile file{.name = oci::printable(path.native())};
  try {
    file.text = oci::read_file(path, file_limit);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::not_found) throw;
    return file;
  }
  file.exists = true;
  // An empty file, /dev/null for one, is a usual way to say "none".
  if (file.text.find_first_not_of(" \t\r\n") == std::string::npos) {
    file.text = "{}";
    return file;
  }
  file.json = oci::parse_json(file.text, file.name);
  if (!file.json.is_object()) {
    throw Error(ErrorKind::corrupt, file.name + ": not a JSON object");
  }
  oci::object_member(file.json, "auths", file.name);
  oci::object_member(file.json, "credHelpers", file.name);
  return file;
}

/// The member of `object` whose key names one of `wanted`, canonical keys in order of preference.
/// Of several that name the same, the one written as docker writes it, else the first.
oci::Json::const_iterator find_entry(const oci::Json& object,
                                     const std::vector<std::string>& wanted) {
  for (const std::string& canonical : wanted) {
    const auto usual = object.find(server_address(canonical));
    if (usual != object.end()) return usual;
    for (auto entry = object.begin(); entry != object.end(); ++entry) {
      if (canonical_key(entry.key()) == canonical) return entry;
    }
  }
  return object.end();
}

/// The helper a file names for the registry, if any.
std::optional<CredentialHelper> helper_for(const ConfigFile& file,
                                           const std::vector<std::string>& wanted) {
  const oci::Json& by_registry = oci::object_member(file.json, "credHelpers", file.name);
  std::string name;
  const auto entry = find_entry(by_registry, wanted);
  if (entry != by_registry.end()) {
    name = oci::string_member(by_registry, entry.key().c_str(), file.name);
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

std::optional<Credentials> find_in(const ConfigFile& file, std::string_view registry,
                                   std::string_view repository) {
  const std::vector<std::string> wanted = keys_for(registry, repository);
  if (const auto helper = helper_for(file, wanted)) {
    auto found = oci::doing(fmt::format("credentials for {} ({})", registry, file.name),
                            [&] { return helper->get(server_address(registry)); });
    if (found) return found;
  }
  const oci::Json& auths = oci::object_member(file.json, "auths", file.name);
  for (const std::string& key : wanted) {
    const auto entry = find_entry(auths, {key});
    if (entry == auths.end()) continue;
    const std::string what = fmt::format("{}: {}", file.name, oci::printable(entry.key()));
    if (auto found = credentials_in(*entry, what)) return found;
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

void replace(const fs::path& path, const OrderedJson& json) {
  oci::AtomicFile fresh(path, 0600);
  keep_owner(fresh, path);
  fresh.write(oci::bytes_of(json.dump(1, '\t') + "\n"));
  fresh.commit();
}

/// Removes all entries of `auths` for a registry, whatever their spelling. Returns whether one was
/// more than a mark.
bool erase_entries(OrderedJson& json, std::string_view registry) {
  const auto auths = json.find("auths");
  if (auths == json.end() || !auths->is_object()) return false;
  const std::string wanted = keys_for(registry, {}).front();
  std::vector<std::string> keys;
  bool found = false;
  for (const auto& [key, entry] : auths->items()) {
    if (canonical_key(key) != wanted) continue;
    keys.push_back(key);
    found = found || !entry.empty();
  }
  for (const std::string& key : keys) auths->erase(key);
  return found;
}

OrderedJson entry_of(const Credentials& credentials) {
  OrderedJson entry = OrderedJson::object();
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
oci::FileLock lock(const fs::path& path) {
  if (is_there(path) && !fs::is_regular_file(path)) {
    throw Error(ErrorKind::denied, oci::printable(path.native()) + ": not a regular file");
  }
  return oci::FileLock(path.native() + ".lock");
}

}  // namespace

std::vector<fs::path> credential_files() {
  if (const std::string file = environment("REGISTRY_AUTH_FILE"); !file.empty()) return {file};
  if (const std::string directory = environment("DOCKER_CONFIG"); !directory.empty()) {
    return {fs::path(directory) / "config.json"};
  }
  const fs::path home = environment("HOME");
  std::vector<fs::path> files;
  if (!home.empty()) files.push_back(home / ".docker/config.json");
  if (const std::string runtime = environment("XDG_RUNTIME_DIR"); !runtime.empty()) {
    files.push_back(fs::path(runtime) / "containers/auth.json");
  }
  if (const std::string config = environment("XDG_CONFIG_HOME"); !config.empty()) {
    files.push_back(fs::path(config) / "containers/auth.json");
  } else if (!home.empty()) {
    files.push_back(home / ".config/containers/auth.json");
  }
  return files;
}

std::optional<Credentials> DockerConfig::find(std::string_view registry,
                                              std::string_view repository) {
  for (const fs::path& path : files_) {
    if (auto found = find_in(load(path), registry, repository)) return found;
  }
  return std::nullopt;
}

std::string DockerConfig::store(std::string_view registry, const Credentials& credentials) {
  if (credentials.username.find(':') != std::string::npos) {
    throw Error(ErrorKind::usage, "a user name cannot have a colon in it");
  }
  if (files_.empty()) {
    throw Error(ErrorKind::failed, "no place to keep credentials", "set HOME or DOCKER_CONFIG");
  }
  const auto existing = std::find_if(files_.begin(), files_.end(), is_there);
  const fs::path path = oci::follow_links(existing == files_.end() ? files_.front() : *existing);
  make_private_directories(path.parent_path());
  const oci::FileLock held = lock(path);
  const ConfigFile file = load(path);
  OrderedJson json = file.exists ? OrderedJson::parse(file.text) : OrderedJson::object();
  erase_entries(json, registry);
  const auto helper = helper_for(file, keys_for(registry, {}));
  if (helper) helper->store(server_address(registry), credentials);
  // Beside a helper, docker writes an empty entry; it also takes the place of an old secret.
  json["auths"][server_address(registry)] = helper ? OrderedJson::object() : entry_of(credentials);
  replace(path, json);
  return helper ? helper->program() : file.name;
}

bool DockerConfig::erase(std::string_view registry) {
  bool found = false;
  for (const fs::path& name : files_) {
    const fs::path path = oci::follow_links(name);
    if (!is_there(path)) continue;
    const oci::FileLock held = lock(path);
    const ConfigFile file = load(path);
    if (const auto helper = helper_for(file, keys_for(registry, {}))) {
      if (helper->get(server_address(registry))) {
        helper->erase(server_address(registry));
        found = true;
      }
    }
    const OrderedJson before = OrderedJson::parse(file.text);
    OrderedJson json = before;
    found = erase_entries(json, registry) || found;
    if (json != before) replace(path, json);
  }
  return found;
}

}  // namespace davit::transport
