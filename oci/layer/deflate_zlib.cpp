#include <zlib.h>

#include "oci/base/error.hpp"
#include "oci/layer/deflate.hpp"

namespace davit::oci {
namespace {

/// zlib takes its input through a pointer to non-const, and does not write to it.
Bytef* input(Bytes bytes) { return const_cast<Bytef*>(raw(bytes)); }
Bytef* output(std::span<std::byte> bytes) { return reinterpret_cast<Bytef*>(bytes.data()); }

class ZlibDeflater final : public BlockDeflater {
 public:
  explicit ZlibDeflater(int level) {
    // A window of 32 KiB without a wrapper; memLevel 8, zlib's default, decides about bytes, too.
    if (deflateInit2(&stream_, level, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
      throw Error(ErrorKind::failed, "zlib cannot start to compress");
    }
  }
  ~ZlibDeflater() override { deflateEnd(&stream_); }
  ZlibDeflater(const ZlibDeflater&) = delete;
  ZlibDeflater& operator=(const ZlibDeflater&) = delete;

  std::size_t deflate(Bytes dictionary, Bytes block, std::span<std::byte> into) override {
    deflateReset(&stream_);
    if (!dictionary.empty()) {
      deflateSetDictionary(&stream_, raw(dictionary), static_cast<uInt>(dictionary.size()));
    }
    stream_.next_in = input(block);
    stream_.avail_in = static_cast<uInt>(block.size());
    stream_.next_out = output(into);
    stream_.avail_out = static_cast<uInt>(into.size());
    // Room that is left says that the flush is complete.
    if (::deflate(&stream_, Z_SYNC_FLUSH) != Z_OK || stream_.avail_out == 0) {
      throw Error(ErrorKind::failed, "zlib cannot compress a block");
    }
    return into.size() - stream_.avail_out;
  }

 private:
  z_stream stream_{};
};

class ZlibInflater final : public MemberInflater {
 public:
  ZlibInflater() {
    if (inflateInit2(&stream_, 15 + 16) != Z_OK) {  // 16: gzip, and nothing else
      throw Error(ErrorKind::failed, "zlib cannot start to decompress");
    }
  }
  ~ZlibInflater() override { inflateEnd(&stream_); }
  ZlibInflater(const ZlibInflater&) = delete;
  ZlibInflater& operator=(const ZlibInflater&) = delete;

  State inflate(Bytes& in, std::span<std::byte> out, std::size_t& filled) override {
    stream_.next_in = input(in);
    stream_.avail_in = static_cast<uInt>(in.size());
    stream_.next_out = output(out);
    stream_.avail_out = static_cast<uInt>(out.size());
    const int result = ::inflate(&stream_, Z_NO_FLUSH);
    in = in.last(stream_.avail_in);
    filled = out.size() - stream_.avail_out;
    if (result == Z_STREAM_END) return State::end;
    // Z_BUF_ERROR only says that there was nothing to do.
    return result == Z_OK || result == Z_BUF_ERROR ? State::more : State::corrupt;
  }

  void reset() override { inflateReset(&stream_); }

 private:
  z_stream stream_{};
};

}  // namespace

std::unique_ptr<BlockDeflater> make_zlib_deflater(int level) {
  return std::make_unique<ZlibDeflater>(level);
}

std::unique_ptr<MemberInflater> make_zlib_inflater() { return std::make_unique<ZlibInflater>(); }

}  // namespace davit::oci
