#include "oci/store/archive_header.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "oci/layer/tar_header.hpp"
#include "oci/layer/ustar.hpp"

namespace davit::oci {

std::string member_header(const std::string& path, std::uint64_t size) {
  std::string header;
  append_tar_header({.path = path, .mode = 0644, .size = size}, header);
  return header;
}

std::string one_block_header(const std::string& path, std::uint64_t size) {
  constexpr std::uint64_t ustar_limit = std::uint64_t{1} << 33;
  std::string header = member_header(path, size < ustar_limit ? size : 0);
  if (size < ustar_limit) return header;
  UstarHeader fields;
  std::memcpy(&fields, header.data(), sizeof fields);
  // The first bit marks base-256; the bytes after it are the number, the highest first.
  fields.size.fill('\0');
  fields.size.front() = '\x80';
  for (auto digit = fields.size.rbegin(); size > 0; size >>= 8, ++digit) {
    *digit = static_cast<char>(size & 0xff);
  }
  const std::string sum = fmt::format("{:06o}", ustar_checksum<unsigned char>(fields));
  std::copy(sum.begin(), sum.end(), fields.checksum.begin());
  fields.checksum[6] = '\0';
  fields.checksum[7] = ' ';
  std::memcpy(header.data(), &fields, sizeof fields);
  return header;
}

}  // namespace davit::oci
