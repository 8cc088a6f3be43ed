#include "transport/http/policy.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "oci/base/error.hpp"

namespace davit::transport {
namespace {

using oci::Error;
using oci::ErrorKind;

using Address6 = std::array<std::uint8_t, 16>;

struct Network4 {
  std::uint32_t prefix;
  int length;
  AddressScope scope;
};

struct Network6 {
  Address6 prefix;
  int length;
  AddressScope scope;
};

/// RFC 6890, and the metadata services that clouds keep at fixed addresses. The first match
/// decides; what matches none is public.
constexpr std::array networks4 = {
    Network4{0x00000000, 8, AddressScope::never},   // "this host": loopback to Linux
    Network4{0x646464c8, 32, AddressScope::never},  // 100.100.100.200: metadata (Alibaba)
    Network4{0x0a000000, 8, AddressScope::site},    // RFC 1918
    Network4{0x64400000, 10, AddressScope::site},   // RFC 6598
    Network4{0x7f000000, 8, AddressScope::site},    // loopback
    Network4{0xa9fe0000, 16, AddressScope::never},  // link-local, metadata (169.254.169.254)
    Network4{0xac100000, 12, AddressScope::site},   // RFC 1918
    Network4{0xc0000000, 24, AddressScope::site},   // IETF protocol assignments
    Network4{0xc0a80000, 16, AddressScope::site},   // RFC 1918
    Network4{0xc6120000, 15, AddressScope::site},   // benchmarks between networks
    Network4{0xe0000000, 3, AddressScope::never},   // multicast, reserved, broadcast
};

constexpr std::array networks6 = {
    Network6{{}, 128, AddressScope::never},  // ::
    Network6{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128, AddressScope::site},
    Network6{{0xfd, 0x00, 0x0e, 0xc2}, 32, AddressScope::never},  // metadata (AWS)
    Network6{{0xfc}, 7, AddressScope::site},                      // unique local
    Network6{{0xfe, 0x80}, 10, AddressScope::never},              // link-local
    Network6{{0xfe, 0xc0}, 10, AddressScope::site},               // site-local
    Network6{{0xff}, 8, AddressScope::never},                     // multicast
};

/// IPv6 networks whose last four bytes are an IPv4 address: mapped, and NAT64 (RFC 6052).
constexpr std::array<Address6, 2> embedding4 = {
    Address6{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff},
    Address6{0x00, 0x64, 0xff, 0x9b},
};

AddressScope scope4(std::uint32_t address) {
  for (const Network4& network : networks4) {
    if ((address ^ network.prefix) >> (32 - network.length) == 0) return network.scope;
  }
  return AddressScope::internet;
}

bool in_network(const Address6& address, const Address6& prefix, int length) {
  for (std::size_t i = 0; i < address.size() && length > 0; ++i, length -= 8) {
    const int different = address[i] ^ prefix[i];
    if (different >> std::max(0, 8 - length) != 0) return false;
  }
  return true;
}

AddressScope scope6(const Address6& address) {
  for (const Address6& prefix : embedding4) {
    if (!in_network(address, prefix, 96)) continue;
    return scope4(static_cast<std::uint32_t>(address[12]) << 24 | address[13] << 16 |
                  address[14] << 8 | address[15]);
  }
  for (const Network6& network : networks6) {
    if (in_network(address, network.prefix, network.length)) return network.scope;
  }
  return AddressScope::internet;
}

/// What is known of a host before its name is resolved.
std::optional<AddressScope> literal_scope(const std::string& host) {
  if (is_loopback(host)) return AddressScope::site;
  return address_scope(host);
}

}  // namespace

std::optional<AddressScope> address_scope(std::string_view text) {
  if (text.size() > 2 && text.starts_with('[') && text.ends_with(']')) {
    text = text.substr(1, text.size() - 2);
  }
  const std::string address(text);
  in_addr four{};
  if (::inet_pton(AF_INET, address.c_str(), &four) == 1) return scope4(ntohl(four.s_addr));
  Address6 six{};
  if (::inet_pton(AF_INET6, address.c_str(), six.data()) == 1) return scope6(six);
  return std::nullopt;
}

bool permits(Addresses allowed, AddressScope scope) {
  switch (allowed) {
    case Addresses::any:
      return true;
    case Addresses::not_link_local:
      return scope != AddressScope::never;
    case Addresses::only_public:
      return scope == AddressScope::internet;
  }
  return false;
}

Hop check_hop(const Response& from, std::string_view target, HopPurpose purpose) {
  Hop hop{.url = from.url.resolve(target)};
  const auto refuse = [&](std::string_view why, std::string hint = {}) {
    return Error(ErrorKind::refused,
                 fmt::format("{} leads to {}: {}", from.url.origin.str(), hop.url.masked(), why),
                 std::move(hint));
  };
  const bool plain = hop.url.origin.scheme == "http";
  if (purpose == HopPurpose::foreign && plain) {
    throw refuse("layers of other servers are fetched over https alone");
  }
  if (same_origin(from.url, hop.url)) return hop;
  if (purpose == HopPurpose::page) throw refuse("a list does not go on elsewhere");
  if (plain && from.url.origin.scheme == "https") {
    std::string hint;
    if (hop.url.origin.host == from.url.origin.host) {
      hint =
          "the server does not know that it is reached over https: its proxy must say so "
          "(X-Forwarded-Proto)";
    }
    throw refuse("https does not lead to http", std::move(hint));
  }
  hop.addresses = from.private_address ? Addresses::not_link_local : Addresses::only_public;
  const auto scope = literal_scope(hop.url.origin.host);
  if (scope && !permits(hop.addresses, *scope)) {
    throw refuse("a server elsewhere has no say over this network's addresses");
  }
  return hop;
}

}  // namespace davit::transport
