#pragma once

#include <optional>
#include <string_view>

#include "transport/http/message.hpp"
#include "transport/http/url.hpp"

namespace davit::transport {

/// Where an IP address leads.
enum class AddressScope {
  internet,  ///< a public address
  site,      ///< loopback, RFC 1918, RFC 6598 (100.64/10), fc00::/7: this machine or this network
  never,     ///< link-local, unspecified, multicast, the metadata services of clouds
};

/// Nothing if the text is no IP address. Brackets around IPv6 are accepted; an IPv4 address inside
/// an IPv6 one (::ffff:0:0/96, 64:ff9b::/96) counts as itself.
std::optional<AddressScope> address_scope(std::string_view text);

bool permits(Addresses allowed, AddressScope scope);

inline bool same_origin(const Url& a, const Url& b) { return a.origin == b.origin; }

/// What a server's text that names a URL is for.
enum class HopPurpose {
  redirect,  ///< Location of a 3xx answer
  upload,    ///< Location of an upload session
  token,     ///< realm of a bearer challenge
  page,      ///< Link of a list: stays at its origin
  foreign,   ///< `urls` of a descriptor: https alone
};

struct Hop {
  Url url;
  Addresses addresses = Addresses::any;  ///< for the request that goes there
};

/// The one judgement on URLs that a server chose, before a request goes there: relative ones are
/// resolved against where `from` came from; https never leads to http; another origin is private
/// only if `from` is, and link-local never. Throws Error(refused) by these rules, Error(corrupt)
/// for what is no URL. Credentials are bound to origins: the caller sends them to the same origin
/// alone, whatever this function says.
Hop check_hop(const Response& from, std::string_view target, HopPurpose purpose);

}  // namespace davit::transport
