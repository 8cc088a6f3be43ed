#pragma once

#include <string>
#include <vector>

#include "transport/http/url.hpp"

namespace davit::transport {

/// Which proxy leads to which origin, as curl reads the environment: http_proxy (lower case alone,
/// because CGI servers set HTTP_PROXY from a request's header), https_proxy, all_proxy and
/// no_proxy, these also in upper case. Loopback hosts are always reached directly, as Go's clients
/// do: this machine is no other one's.
struct Proxies {
  std::string http;  ///< "[SCHEME://][USER:PASSWORD@]HOST[:PORT]"; empty: none
  std::string https;
  /// Names, which cover the names below them, IP addresses, networks ("10.0.0.0/8"), or "*".
  std::vector<std::string> exceptions;

  static Proxies from_environment();

  /// Empty for a direct connection.
  const std::string& of(const Origin& origin) const;
};

}  // namespace davit::transport
