#include "transport/http/proxy.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>
#include <span>
#include <string_view>

#include "oci/base/text.hpp"

namespace davit::transport {
namespace {

/// The first of these that is set; an empty value counts as not set.
std::string first_of(std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (auto value = oci::environment(name)) return *value;
  }
  return {};
}

/// An IP address as bytes: 4 or 16 of them.
std::optional<std::vector<unsigned char>> address_bytes(std::string_view text) {
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  const std::string address(text);
  std::vector<unsigned char> bytes(16);
  if (::inet_pton(AF_INET6, address.c_str(), bytes.data()) == 1) return bytes;
  bytes.resize(4);
  if (::inet_pton(AF_INET, address.c_str(), bytes.data()) == 1) return bytes;
  return std::nullopt;
}

bool in_network(const std::vector<unsigned char>& address, std::string_view network) {
  const auto slash = std::min(network.find('/'), network.size());
  const auto prefix = address_bytes(network.substr(0, slash));
  if (!prefix || prefix->size() != address.size()) return false;
  std::size_t bits = address.size() * 8;
  if (slash < network.size()) {
    const auto said = oci::parse_number(network.substr(slash + 1), bits);
    if (!said) return false;
    bits = *said;
  }
  for (std::size_t bit = 0; bit < bits; ++bit) {
    const int mask = 0x80 >> (bit % 8);
    if ((address[bit / 8] & mask) != ((*prefix)[bit / 8] & mask)) return false;
  }
  return true;
}

bool covers(std::string_view exception, std::string_view host) {
  if (exception == "*") return true;
  if (const auto address = address_bytes(host)) return in_network(*address, exception);
  if (exception.starts_with('.')) exception.remove_prefix(1);
  if (!host.ends_with(exception) || exception.empty()) return false;
  return host.size() == exception.size() || host[host.size() - exception.size() - 1] == '.';
}

}  // namespace

Proxies Proxies::from_environment() {
  return {.http = first_of({"http_proxy", "all_proxy", "ALL_PROXY"}),
          .https = first_of({"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"}),
          .exceptions = oci::split(oci::lower_case(first_of({"no_proxy", "NO_PROXY"})), ", \t")};
}

const std::string& Proxies::of(const Origin& origin) const {
  static const std::string direct;
  if (is_loopback(origin.host)) return direct;
  const bool excepted = std::any_of(exceptions.begin(), exceptions.end(),
                                    [&](const auto& word) { return covers(word, origin.host); });
  if (excepted) return direct;
  return origin.scheme == "https" ? https : http;
}

}  // namespace davit::transport
