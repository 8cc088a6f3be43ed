#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "oci/base/bytes.hpp"
#include "oci/layer/block.hpp"

namespace davit::oci {

/// Matches reach this far back (RFC 1951, 2): all that a block needs of the one before it.
inline constexpr std::size_t deflate_window = 32 * KiB;

/// Room for any block once deflated, with the few bytes that content without any redundancy grows
/// by.
inline constexpr std::size_t deflated_limit = block_size + block_size / 8;

/// Compresses the blocks of one deflate stream independently of each other, so that many of these
/// can work on one stream. Used again and again by one thread at a time.
struct BlockDeflater {
  virtual ~BlockDeflater() = default;

  /// Deflates `block` into `into` (deflated_limit bytes), with matches into `dictionary`, the last
  /// deflate_window bytes in front of it. Ends with a sync flush, so at a byte boundary, and is
  /// not the stream's last. The bytes depend on nothing but these arguments. Returns how many.
  virtual std::size_t deflate(Bytes dictionary, Bytes block, std::span<std::byte> into) = 0;
};

/// Levels 1 to 9.
std::unique_ptr<BlockDeflater> make_zlib_deflater(int level);
/// The fastest there is with a ratio near zlib's level 1: ISA-L level 2, else zlib level 1.
std::unique_ptr<BlockDeflater> make_fast_deflater();

/// Decompresses one gzip member at a time, its header, trailer and checksum included (RFC 1952).
struct MemberInflater {
  enum class State {
    more,     ///< goes on once there is more input, or room
    end,      ///< the member is whole and sound; what is left of the input is not its
    corrupt,  ///< not gzip, or damaged
  };

  virtual ~MemberInflater() = default;

  /// Takes from the front of `in` and fills `out` from its start; says how much in `filled`.
  virtual State inflate(Bytes& in, std::span<std::byte> out, std::size_t& filled) = 0;
  /// Makes ready for the next member.
  virtual void reset() = 0;
};

std::unique_ptr<MemberInflater> make_zlib_inflater();
/// ISA-L's, else zlib's.
std::unique_ptr<MemberInflater> make_fast_inflater();

/// The checksum of RFC 1952, by the fastest implementation there is.
std::uint32_t crc32_of(Bytes bytes);

}  // namespace davit::oci
