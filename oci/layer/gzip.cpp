#include "oci/layer/gzip.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>

namespace davit::oci {
namespace {

/// Deflate, no flags, time 0, no word on the effort, operating system unknown.
constexpr std::array<unsigned char, 10> header = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff};

/// The empty final block (fixed Huffman codes, end of block) and the room for CRC and size.
constexpr std::array<unsigned char, 10> trailer = {0x03, 0x00, 0, 0, 0, 0, 0, 0, 0, 0};

void store_little_endian(unsigned char* to, std::uint32_t value) {
  for (int i = 0; i < 4; ++i) to[i] = static_cast<unsigned char>(value >> 8 * i);
}

}  // namespace

DeflatedBlock deflate_block(BlockDeflater& deflater, const Block& before, const Block& block,
                            std::unique_ptr<std::byte[]> buffer) {
  Bytes dictionary;
  if (before) dictionary = Bytes(*before).last(std::min(before->size(), deflate_window));
  DeflatedBlock deflated{.buffer = std::move(buffer), .content_size = block->size()};
  deflated.crc = crc32_of(*block);
  deflated.size = deflater.deflate(dictionary, *block, {deflated.buffer.get(), deflated_limit});
  return deflated;
}

void GzipMember::begin() { to_.write(std::as_bytes(std::span(header))); }

void GzipMember::add(const DeflatedBlock& block) {
  crc_ = static_cast<std::uint32_t>(
      crc32_combine(crc_, block.crc, static_cast<z_off_t>(block.content_size)));
  size_ += static_cast<std::uint32_t>(block.content_size);
  to_.write({block.buffer.get(), block.size});
}

void GzipMember::finish() {
  auto end = trailer;
  store_little_endian(end.data() + 2, crc_);
  store_little_endian(end.data() + 6, size_);
  to_.write(std::as_bytes(std::span(end)));
}

}  // namespace davit::oci
