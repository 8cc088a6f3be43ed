#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "oci/base/limits.hpp"

namespace davit::oci {

/// Everything in a tar starts at a multiple of this and is filled up to one.
inline constexpr std::size_t tar_block_size = 512;

/// The bytes between the end of `size` bytes and the next block.
constexpr std::size_t tar_padding(std::uint64_t size) {
  return static_cast<std::size_t>((tar_block_size - size % tar_block_size) % tar_block_size);
}

/// A header block as POSIX.1-2001 lays it out ("ustar Interchange Format"). GNU's variant has
/// other things where `prefix` is, v7's nothing from `magic` on.
struct UstarHeader {
  std::array<char, 100> name;
  std::array<char, 8> mode;
  std::array<char, 8> uid;
  std::array<char, 8> gid;
  std::array<char, 12> size;
  std::array<char, 12> mtime;
  std::array<char, 8> checksum;
  char type;
  std::array<char, 100> link;
  std::array<char, 8> magic;  // and version
  std::array<char, 32> uname;
  std::array<char, 32> gname;
  std::array<char, 8> device_major;
  std::array<char, 8> device_minor;
  std::array<char, 155> prefix;
  std::array<char, 12> unused;
};
static_assert(sizeof(UstarHeader) == tar_block_size);

inline constexpr std::string_view ustar_magic{
    "ustar\0"
    "00",
    8};
inline constexpr std::string_view gnu_magic{"ustar  \0", 8};

/// The sum of all bytes, those of the checksum itself taken as spaces. `Byte` is unsigned char;
/// some old writers used signed.
template <class Byte>
std::int64_t ustar_checksum(const UstarHeader& header) {
  const char* bytes = reinterpret_cast<const char*>(&header);
  std::int32_t sum = 0;
  for (std::size_t i = 0; i < sizeof header; ++i) sum += static_cast<Byte>(bytes[i]);
  for (const char c : header.checksum) sum += ' ' - static_cast<Byte>(c);
  return sum;
}

}  // namespace davit::oci
