#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace davit::oci {

using Bytes = std::span<const std::byte>;

inline Bytes bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }
inline std::string_view text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline const unsigned char* raw(Bytes bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

inline constexpr std::uint64_t KiB = 1024;
inline constexpr std::uint64_t MiB = 1024 * KiB;
inline constexpr std::uint64_t GiB = 1024 * MiB;

/// Lower-case hexadecimal.
std::string to_hex(Bytes bytes);

/// RFC 4648 base64 with padding. `from_base64` accepts both alphabets, with or without padding,
/// and throws Error(corrupt) on anything else.
std::string to_base64(Bytes bytes);
std::string from_base64(std::string_view text);

/// "12.3 MB": decimal units as registries and disks count, three significant digits.
std::string human_size(std::uint64_t bytes);

/// A size as a person writes it: "32M", "4GiB", "10MB", "512k", "1048576". A bare letter and "iB"
/// are powers of 1024, "B" after a letter powers of 1000. Throws Error(usage).
std::uint64_t parse_size(std::string_view text);

/// Whether all of it is well-formed (RFC 3629).
bool is_utf8(std::string_view text);

/// Text from outside made safe for a terminal: control characters, escapes, bidirectional marks,
/// characters that show nothing and bytes that are not UTF-8 appear as \xNN.
std::string printable(std::string_view text);

}  // namespace davit::oci
