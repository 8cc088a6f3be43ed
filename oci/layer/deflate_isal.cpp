#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>

#include <array>

#include "oci/base/error.hpp"
#include "oci/layer/deflate.hpp"

// Built where ISA-L is there; deflate_fallback.cpp stands in where it is not.
namespace davit::oci {
namespace {

/// ISA-L takes its input through a pointer to non-const, and does not write to it.
std::uint8_t* input(Bytes bytes) { return const_cast<std::uint8_t*>(raw(bytes)); }
std::uint8_t* output(std::span<std::byte> bytes) {
  return reinterpret_cast<std::uint8_t*>(bytes.data());
}

class IsalDeflater final : public BlockDeflater {
 public:
  std::size_t deflate(Bytes dictionary, Bytes block, std::span<std::byte> into) override {
    isal_deflate_init(&stream_);
    // Level 2: the same bytes on every x86-64 with SSE4.2. Level 3 is not.
    stream_.level = 2;
    stream_.level_buf = workspace_.data();
    stream_.level_buf_size = workspace_.size();
    stream_.flush = SYNC_FLUSH;
    if (!dictionary.empty()) {
      isal_deflate_set_dict(&stream_, input(dictionary),
                            static_cast<std::uint32_t>(dictionary.size()));
    }
    stream_.next_in = input(block);
    stream_.avail_in = static_cast<std::uint32_t>(block.size());
    stream_.next_out = output(into);
    stream_.avail_out = static_cast<std::uint32_t>(into.size());
    const int result = isal_deflate(&stream_);
    if (result != COMP_OK || stream_.avail_in != 0 || stream_.avail_out == 0) {
      throw Error(ErrorKind::failed, "ISA-L cannot compress a block");
    }
    return into.size() - stream_.avail_out;
  }

 private:
  isal_zstream stream_;
  /// Its size decides how much goes under one Huffman table, and so about the bytes.
  std::array<std::uint8_t, ISAL_DEF_LVL2_DEFAULT> workspace_;
};

class IsalInflater final : public MemberInflater {
 public:
  IsalInflater() {
    isal_inflate_init(&state_);
    begin();
  }

  State inflate(Bytes& in, std::span<std::byte> out, std::size_t& filled) override {
    state_.next_in = input(in);
    state_.avail_in = static_cast<std::uint32_t>(in.size());
    state_.next_out = output(out);
    state_.avail_out = static_cast<std::uint32_t>(out.size());
    const int result = step();
    in = in.last(state_.avail_in);
    filled = out.size() - state_.avail_out;
    if (result < 0) return State::corrupt;
    return state_.block_state == ISAL_BLOCK_FINISH ? State::end : State::more;
  }

  void reset() override {
    isal_inflate_reset(&state_);
    begin();
  }

 private:
  // isal_inflate could read the header as well, but finds a wrong checksum of the header (FHCRC)
  // when a header is cut between two calls.
  void begin() {
    state_.crc_flag = ISAL_GZIP_NO_HDR_VER;
    isal_gzip_header_init(&header_);
    in_header_ = true;
  }

  int step() {
    if (in_header_) {
      const int result = isal_read_gzip_header(&state_, &header_);
      if (result == ISAL_END_INPUT) return ISAL_DECOMP_OK;
      if (result != ISAL_DECOMP_OK) return ISAL_INVALID_WRAPPER;
      if ((header_.flags & reserved_flags) != 0) return ISAL_INVALID_WRAPPER;
      in_header_ = false;
    }
    return isal_inflate(&state_);
  }

  static constexpr std::uint32_t reserved_flags = 0xe0;  // RFC 1952, 2.3.1.2

  inflate_state state_;
  isal_gzip_header header_;
  bool in_header_ = true;
};

}  // namespace

std::unique_ptr<BlockDeflater> make_fast_deflater() {
  return std::make_unique_for_overwrite<IsalDeflater>();
}

std::unique_ptr<MemberInflater> make_fast_inflater() { return std::make_unique<IsalInflater>(); }

std::uint32_t crc32_of(Bytes bytes) { return crc32_gzip_refl(0, raw(bytes), bytes.size()); }

}  // namespace davit::oci
