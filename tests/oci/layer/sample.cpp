#include "tests/oci/layer/sample.hpp"

#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace davit::tests {
namespace {

const Bytef* raw_text(const std::string& text) {
  return reinterpret_cast<const Bytef*>(text.data());
}

}  // namespace

oci::TarSource source_of(std::string content, std::size_t piece) {
  return [content = std::move(content), piece](oci::BlockWriter& writer) {
    oci::Bytes left = oci::bytes_of(content);
    while (!left.empty()) {
      const std::size_t n = std::min(piece, left.size());
      writer.write(left.first(n));
      left = left.subspan(n);
    }
  };
}

std::string decompressed(oci::Encoding encoding, const std::string& bytes, std::size_t piece) {
  Memory out;
  const auto decompressor = oci::make_decompressor(encoding, out, "layer.bin");
  oci::Bytes left = oci::bytes_of(bytes);
  while (!left.empty()) {
    const std::size_t n = std::min(piece, left.size());
    decompressor->write(left.first(n));
    left = left.subspan(n);
  }
  decompressor->finish();
  return out.text;
}

Member zlib_member(const std::string& bytes) {
  z_stream stream{};
  inflateInit2(&stream, 15 + 16);
  stream.next_in = const_cast<Bytef*>(raw_text(bytes));
  stream.avail_in = static_cast<uInt>(bytes.size());
  Member member;
  std::string buffer(1 << 20, '\0');
  int result = Z_OK;
  while (result == Z_OK) {
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream.avail_out = static_cast<uInt>(buffer.size());
    result = inflate(&stream, Z_NO_FLUSH);
    member.content.append(buffer, 0, buffer.size() - stream.avail_out);
  }
  member.left_over = stream.avail_in;
  inflateEnd(&stream);
  if (result != Z_STREAM_END) throw std::runtime_error("zlib does not accept this");
  return member;
}

std::string zlib_gzip(const std::string& content) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string bytes(deflateBound(&stream, content.size()), '\0');
  stream.next_in = const_cast<Bytef*>(raw_text(content));
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(bytes.data());
  stream.avail_out = static_cast<uInt>(bytes.size());
  deflate(&stream, Z_FINISH);
  bytes.resize(stream.total_out);
  deflateEnd(&stream);
  return bytes;
}

std::string zstd_frame(const std::string& content, Checksum checksum) {
  ZSTD_CCtx* const context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, checksum == Checksum::yes ? 1 : 0);
  std::string bytes(ZSTD_compressBound(content.size()), '\0');
  bytes.resize(ZSTD_compress2(context, bytes.data(), bytes.size(), content.data(), content.size()));
  ZSTD_freeCCtx(context);
  return bytes;
}

std::string xz_stream(const std::string& content) {
  std::string bytes(lzma_stream_buffer_bound(content.size()), '\0');
  std::size_t size = 0;
  lzma_easy_buffer_encode(1, LZMA_CHECK_CRC64, nullptr, raw_text(content), content.size(),
                          reinterpret_cast<std::uint8_t*>(bytes.data()), &size, bytes.size());
  bytes.resize(size);
  return bytes;
}

}  // namespace davit::tests
