#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "oci/base/stream.hpp"
#include "oci/layer/block.hpp"
#include "oci/layer/decompress.hpp"
#include "tests/support/content.hpp"

namespace davit::tests {

/// A tar, as far as compression is concerned, written in pieces of so many bytes.
oci::TarSource source_of(std::string content, std::size_t piece = std::size_t{1} << 40);

/// Keeps all that is written.
class Memory final : public oci::Sink {
 public:
  void write(oci::Bytes bytes) override {
    text += oci::text_of(bytes);
    ++writes;
  }

  std::string text;
  std::size_t writes = 0;
};

/// Decompresses in writes of so many bytes.
std::string decompressed(oci::Encoding encoding, const std::string& bytes,
                         std::size_t piece = std::size_t{1} << 40);

/// By zlib, in one go: the content of the first member, and how many bytes follow it. Throws
/// std::runtime_error if zlib does not accept it.
struct Member {
  std::string content;
  std::size_t left_over = 0;
};
Member zlib_member(const std::string& bytes);

/// By zlib, with its own ideas of blocks.
std::string zlib_gzip(const std::string& content);
/// By libzstd in one go, with or without its checksum.
enum class Checksum { no, yes };
std::string zstd_frame(const std::string& content, Checksum checksum = Checksum::yes);
/// By liblzma in one go.
std::string xz_stream(const std::string& content);

}  // namespace davit::tests
