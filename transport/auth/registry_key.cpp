#include "transport/auth/registry_key.hpp"

#include <algorithm>

#include "oci/base/text.hpp"

namespace davit::transport {
namespace {

/// Takes `prefix` off the front, without regard to case.
bool drop_prefix(std::string_view& text, std::string_view prefix) {
  if (oci::lower_case(text.substr(0, prefix.size())) != prefix) return false;
  text.remove_prefix(prefix.size());
  return true;
}

std::string canonical_host(std::string_view text) {
  const std::string host = oci::lower_case(text);
  return host == "index.docker.io" || host == "registry-1.docker.io" ? "docker.io" : host;
}

}  // namespace

std::string canonical_key(std::string_view key) {
  bool is_url = drop_prefix(key, "https://") || drop_prefix(key, "http://");
  while (key.ends_with('/')) {
    key.remove_suffix(1);
    is_url = true;
  }
  const std::size_t slash = std::min(key.find('/'), key.size());
  std::string_view path = key.substr(slash);
  if (is_url && (path == "/v1" || path == "/v2")) path = {};
  return canonical_host(key.substr(0, slash)) + std::string(path);
}

std::vector<std::string> keys_for(std::string_view registry, std::string_view repository) {
  const std::string host = canonical_host(registry);
  std::vector<std::string> keys;
  while (!repository.empty()) {
    keys.push_back(host + "/" + std::string(repository));
    const std::size_t slash = repository.rfind('/');
    repository = repository.substr(0, slash == std::string_view::npos ? 0 : slash);
  }
  keys.push_back(host);
  return keys;
}

std::string server_address(std::string_view registry) {
  const std::string host = canonical_host(registry);
  return host == "docker.io" ? "https://index.docker.io/v1/" : host;
}

}  // namespace davit::transport
