#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace davit::transport {

/// How credential files name registries. The names in use for one registry all come down to
/// "HOST[:PORT]", and podman's for a part of one to "HOST[:PORT]/NAMESPACE"; docker.io and its
/// other names (index.docker.io, registry-1.docker.io) to "docker.io".

/// The canonical form of a key as docker, podman and others write it: without scheme and trailing
/// slash, host in lower case, and without the "/v1" or "/v2" that follows the host of a URL.
/// (Where neither scheme nor trailing slash shows that it is one, "/v1" is a namespace.)
std::string canonical_key(std::string_view key);

/// The canonical keys that serve a repository, the most specific first, the registry's last.
std::vector<std::string> keys_for(std::string_view registry, std::string_view repository);

/// The key docker writes for a registry, and its name to a credential helper:
/// "https://index.docker.io/v1/" for docker.io, else the registry itself.
std::string server_address(std::string_view registry);

}  // namespace davit::transport
