#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "oci/base/stream.hpp"
#include "oci/layer/deflate.hpp"

namespace davit::oci {

/// A deflated block, and what is to be known of its content.
struct DeflatedBlock {
  std::unique_ptr<std::byte[]> buffer;  ///< deflated_limit bytes, given back when written
  std::size_t size = 0;                 ///< of the buffer, how much is filled
  std::uint32_t crc = 0;                ///< of the content
  std::size_t content_size = 0;
};

/// Deflates one block of a stream. `before` is the block in front of it, absent for the first.
DeflatedBlock deflate_block(BlockDeflater& deflater, const Block& before, const Block& block,
                            std::unique_ptr<std::byte[]> buffer);

/// Joins deflated blocks to exactly one gzip member (RFC 1952): a header of 10 bytes without time
/// or name, the blocks, an empty final one, the trailer, and nothing behind it. Readers that know
/// only one member and readers that expect a bare header exist, as do such that fail on padding.
class GzipMember {
 public:
  explicit GzipMember(Sink& to) : to_(to) {}

  /// Before all else.
  void begin();
  /// In the order of the stream.
  void add(const DeflatedBlock& block);
  void finish();

 private:
  Sink& to_;
  std::uint32_t crc_ = 0;
  std::uint32_t size_ = 0;  // modulo 2^32, as the trailer has it
};

}  // namespace davit::oci
