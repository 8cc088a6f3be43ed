#include "transport/http/url.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <limits>

#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"
#include "oci/base/text.hpp"

namespace davit::transport {
namespace {

using oci::Error;
using oci::ErrorKind;

std::uint16_t default_port(std::string_view scheme) { return scheme == "https" ? 443 : 80; }

/// Queries and user information hold secrets, so a message shows neither.
Error bad_url(std::string_view text, std::string_view why) {
  const std::string_view shown =
      text.substr(0, std::min<std::size_t>(text.find_first_of("?#"), 200));
  if (shown.find('@') != std::string_view::npos) {
    return {ErrorKind::corrupt, fmt::format("a URL is not usable: {}", why)};
  }
  return {ErrorKind::corrupt,
          fmt::format("the URL '{}' is not usable: {}", oci::printable(shown), why)};
}

/// Control characters and spaces cut a request line in two; other servers read "\" as "/".
void check_characters(std::string_view text) {
  for (const unsigned char c : text) {
    if (c <= ' ' || c >= 0x7f || c == '\\') {
      throw bad_url(text, "it has a character that must be percent-encoded");
    }
  }
}

/// Canonical text of an IPv6 address, so that one address is one origin.
std::string ipv6_host(std::string_view address, std::string_view url) {
  in6_addr parsed{};
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (::inet_pton(AF_INET6, std::string(address).c_str(), &parsed) != 1 ||
      ::inet_ntop(AF_INET6, &parsed, text.data(), text.size()) == nullptr) {
    throw bad_url(url, "the IPv6 address is malformed");
  }
  return fmt::format("[{}]", text.data());
}

bool is_number(std::string_view label) {
  if (label.starts_with("0x")) return true;
  return !label.empty() &&
         std::all_of(label.begin(), label.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// A name or an IPv4 address. A name that ends in a number is one or nothing: "127.1", "0x7f.1" and
/// "2130706433" are 127.0.0.1 to some resolvers, and slip through rules that look at names.
std::string name_host(std::string_view text, std::string_view url) {
  const std::string host = oci::lower_case(text);
  if (host.empty()) throw bad_url(url, "it has no host");
  const bool characters = std::all_of(host.begin(), host.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '.' || c == '-' || c == '_';
  });
  if (!characters || host.size() > 253 || host.front() == '.' ||
      host.find("..") != std::string::npos) {
    throw bad_url(url, "the host is malformed");
  }
  std::string_view labels = host;
  if (labels.ends_with('.')) labels.remove_suffix(1);
  in_addr address{};
  if (is_number(labels.substr(labels.rfind('.') + 1)) &&
      ::inet_pton(AF_INET, host.c_str(), &address) != 1) {
    throw bad_url(url, "the IPv4 address is malformed");
  }
  return host;
}

Origin parse_authority(std::string_view scheme, std::string_view authority, std::string_view url) {
  if (authority.find('@') != std::string_view::npos) {
    throw bad_url(url, "user information has no place in it");
  }
  Origin origin{.scheme = std::string(scheme), .host = {}, .port = default_port(scheme)};
  std::string_view port;
  if (authority.starts_with('[')) {
    const auto bracket = authority.find(']');
    if (bracket == std::string_view::npos) throw bad_url(url, "a bracket is missing");
    origin.host = ipv6_host(authority.substr(1, bracket - 1), url);
    port = authority.substr(bracket + 1);
  } else {
    const auto colon = std::min(authority.find(':'), authority.size());
    origin.host = name_host(authority.substr(0, colon), url);
    port = authority.substr(colon);
  }
  if (port.empty() || port == ":") return origin;
  const auto number = oci::parse_number(port.substr(1), std::numeric_limits<std::uint16_t>::max());
  if (port[0] != ':' || !number || *number == 0) throw bad_url(url, "the port is malformed");
  origin.port = static_cast<std::uint16_t>(*number);
  return origin;
}

/// RFC 3986, section 5.2.4, for paths that begin with "/".
std::string without_dots(std::string_view path) {
  std::string result;
  while (!path.empty()) {
    const auto end = std::min(path.find('/', 1), path.size());
    const std::string_view segment = path.substr(0, end);
    path.remove_prefix(end);
    const bool last = path.empty();
    if (segment == "/..") {
      result.resize(result.empty() ? 0 : result.rfind('/'));
      if (last) result += '/';
    } else if (segment == "/.") {
      if (last) result += '/';
    } else {
      result += segment;
    }
  }
  return result;
}

bool has_scheme(std::string_view reference) {
  const auto end = reference.find_first_of(":/?");
  return end != std::string_view::npos && end > 0 && reference[end] == ':' &&
         std::isalpha(static_cast<unsigned char>(reference[0]));
}

/// The parameters of the distribution specification say nothing that a person may not see.
bool is_harmless(std::string_view parameter) {
  static constexpr std::array<std::string_view, 11> names = {
      "digest", "mount", "from",    "n",     "last",   "artifactType",
      "tag",    "ns",    "service", "scope", "account"};
  return std::find(names.begin(), names.end(), parameter) != names.end();
}

bool is_unreserved(unsigned char c) {
  return (c < 0x80 && std::isalnum(c)) || c == '-' || c == '.' || c == '_' || c == '~';
}

}  // namespace

std::string Origin::str() const {
  if (port == default_port(scheme)) return fmt::format("{}://{}", scheme, host);
  return fmt::format("{}://{}:{}", scheme, host, port);
}

Url Url::parse(std::string_view text) {
  const std::string_view whole = text;
  check_characters(text);
  text = text.substr(0, text.find('#'));
  const auto colon = text.find("://");
  if (colon == std::string_view::npos) throw bad_url(whole, "it is not absolute");
  const std::string scheme = oci::lower_case(text.substr(0, colon));
  if (scheme != "http" && scheme != "https") {
    throw bad_url(whole, "only http and https are spoken");
  }
  text.remove_prefix(colon + 3);
  const std::string_view authority = text.substr(0, text.find_first_of("/?"));
  text.remove_prefix(authority.size());
  const std::string_view path = text.substr(0, text.find('?'));
  text.remove_prefix(path.size());
  Url url{.origin = parse_authority(scheme, authority, whole)};
  if (!path.empty()) url.path = path;
  if (!text.empty()) url.query = text.substr(1);
  return url;
}

Url Url::resolve(std::string_view reference) const {
  check_characters(reference);
  reference = reference.substr(0, reference.find('#'));
  if (has_scheme(reference) || reference.starts_with("//")) {
    const bool complete = !reference.starts_with("//");
    Url url =
        parse(complete ? std::string(reference) : origin.scheme + ":" + std::string(reference));
    url.path = without_dots(url.path);
    return url;
  }
  Url url = *this;
  const auto question = reference.find('?');
  const std::string_view target = reference.substr(0, question);
  if (question != std::string_view::npos) {
    url.query = reference.substr(question + 1);
  } else if (!target.empty()) {
    url.query.clear();
  }
  if (target.starts_with('/')) {
    url.path = without_dots(target);
  } else if (!target.empty()) {
    url.path = without_dots(path.substr(0, path.rfind('/') + 1) + std::string(target));
  }
  return url;
}

std::string Url::str() const {
  return query.empty() ? origin.str() + path : origin.str() + path + "?" + query;
}

std::string Url::masked() const {
  std::string text = origin.str() + path;
  char separator = '?';
  for (std::string_view rest = query; !rest.empty();) {
    const std::string_view parameter = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(parameter.size() + 1, rest.size()));
    const auto equal = parameter.find('=');
    const std::string_view name = parameter.substr(0, equal);
    text += separator;
    separator = '&';
    if (equal == std::string_view::npos) {
      text += "***";
    } else if (is_harmless(name)) {
      text += parameter;
    } else {
      text += fmt::format("{}=***", name);
    }
  }
  return text;
}

void Url::add_query(std::string_view name, std::string_view value) {
  if (!query.empty()) query += '&';
  query += url_encode(name) + "=" + url_encode(value);
}

std::string url_encode(std::string_view text) {
  std::string encoded;
  for (const unsigned char c : text) {
    if (is_unreserved(c)) {
      encoded += static_cast<char>(c);
    } else {
      encoded += fmt::format("%{:02X}", c);
    }
  }
  return encoded;
}

bool is_loopback(std::string_view host) {
  if (oci::lower_case(host) == "localhost" || host == "[::1]") return true;
  in_addr address{};
  return ::inet_pton(AF_INET, std::string(host).c_str(), &address) == 1 &&
         ntohl(address.s_addr) >> 24 == 127;
}

}  // namespace davit::transport
