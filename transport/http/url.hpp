#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace davit::transport {

/// Who is talked to: what credentials are bound to. Two URLs of one origin have equal scheme, host
/// and port (the scheme's default filled in).
struct Origin {
  std::string scheme;  ///< "http" or "https"
  std::string host;    ///< lower case; IPv6 in brackets
  std::uint16_t port = 0;

  /// "https://host" or "https://host:port"
  std::string str() const;
  friend bool operator==(const Origin&, const Origin&) = default;
  friend auto operator<=>(const Origin&, const Origin&) = default;
};

/// An absolute http or https URL, without user information or fragment.
struct Url {
  Origin origin;
  std::string path = "/";  ///< begins with "/", still percent-encoded
  std::string query;       ///< without "?", still percent-encoded

  /// Throws Error(corrupt): another scheme, user information, control characters, no host.
  static Url parse(std::string_view text);
  /// A Location, Link or redirect target relative to this URL (RFC 3986, section 5).
  Url resolve(std::string_view reference) const;
  std::string str() const;
  /// str() with the values of query parameters masked (signatures, states, tokens), for people.
  std::string masked() const;
  /// Adds NAME=VALUE to the query, both encoded.
  void add_query(std::string_view name, std::string_view value);
};

/// Percent-encodes all but RFC 3986's unreserved characters.
std::string url_encode(std::string_view text);

/// localhost, 127.0.0.0/8 and [::1], by their literal names.
bool is_loopback(std::string_view host);

}  // namespace davit::transport
