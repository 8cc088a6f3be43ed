#include "oci/layer/zstd.hpp"

#include <gtest/gtest.h>
#include <zstd.h>

#include <algorithm>

#include "oci/base/error.hpp"
#include "oci/base/process.hpp"
#include "tests/oci/layer/sample.hpp"

namespace davit::oci {
namespace {

using tests::Memory;
using tests::noise;
using tests::words;

std::string zstd(const std::string& content, int level = default_zstd_level,
                 std::size_t workers = 1, std::size_t piece = block_size) {
  Memory out;
  ZstdWriter writer(level, workers, out);
  for (std::size_t at = 0; at < content.size(); at += piece) {
    writer.write(bytes_of(content).subspan(at, std::min(piece, content.size() - at)));
  }
  writer.finish();
  return out.text;
}

/// By libzstd in one go.
std::string unzstd(const std::string& bytes, std::size_t size) {
  std::string content(size, '\0');
  const std::size_t n = ZSTD_decompress(content.data(), size, bytes.data(), bytes.size());
  return ZSTD_isError(n) != 0 ? ZSTD_getErrorName(n) : content.substr(0, n);
}

TEST(Zstd, OneFrameHoldsTheContentAndNothingIsLeftOver) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, block_size, block_size + 1,
                                 4 * block_size, 9 * block_size + 77}) {
    const std::string content = words(size);
    const std::string bytes = zstd(content);
    EXPECT_EQ(ZSTD_findFrameCompressedSize(bytes.data(), bytes.size()), bytes.size()) << size;
    EXPECT_EQ(unzstd(bytes, size), content) << size;
  }
}

TEST(Zstd, SameBytesForAnyNumberOfWorkers) {
  const std::string content = words(14 * block_size + 5) + noise(3 * block_size);
  const std::string one = zstd(content, 3, 1);
  for (const std::size_t workers : {0, 2, 3, 16}) EXPECT_EQ(zstd(content, 3, workers), one);
}

TEST(Zstd, SameBytesForAnySizeOfWrites) {
  const std::string content = words(9 * block_size + 5);
  const std::string whole = zstd(content, 3, 2, content.size());
  for (const std::size_t piece : {1000uL, 65'537uL, 3'000'000uL}) {
    EXPECT_EQ(zstd(content, 3, 2, piece), whole) << piece;
  }
}

TEST(Zstd, EveryKindOfLevelCanBeReadWithTheWindowThatAllDecodersSupport) {
  const std::string content = words(200'000);
  for (const int level : {1, 3, 6, 7, 15, 16, 19, 20, 22}) {
    const std::string bytes = zstd(content, level);
    ZSTD_DCtx* const context = ZSTD_createDCtx();
    ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, 23);
    std::string read(content.size() + 1, '\0');
    ZSTD_outBuffer out{read.data(), read.size(), 0};
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    EXPECT_EQ(ZSTD_decompressStream(context, &out, &in), 0u) << level;
    ZSTD_freeDCtx(context);
    read.resize(out.pos);
    EXPECT_EQ(read, content) << level;
  }
}

TEST(Zstd, ALevelAboveCompressesBetter) {
  const std::string content = words(2 * block_size);
  EXPECT_LT(zstd(content, 12).size(), zstd(content, 1).size());
}

TEST(Zstd, ContentWithoutRedundancyGrowsByLessThanAPercent) {
  const std::string content = noise(5 * block_size);
  const std::string bytes = zstd(content);
  EXPECT_EQ(unzstd(bytes, content.size()), content);
  EXPECT_LT(bytes.size(), content.size() + content.size() / 100);
}

TEST(Zstd, WritesLargePieces) {
  Memory out;
  ZstdWriter writer(3, 2, out);
  const std::string content = noise(4 * block_size);
  writer.write(bytes_of(content));
  writer.finish();
  EXPECT_LE(out.writes, 10u);
}

TEST(Zstd, PassesAFailureOfTheSinkOnAndEnds) {
  FunctionSink full([](Bytes) { throw Error(ErrorKind::failed, "no space left"); });
  ZstdWriter writer(3, 2, full);
  const std::string content = noise(block_size);
  EXPECT_THROW(
      {
        for (int i = 0; i < 64; ++i) writer.write(bytes_of(content));
      },
      Error);
}

TEST(Zstd, ALevelOutOfRangeIsNoCrash) {
  const std::string content = words(1000);
  EXPECT_EQ(unzstd(zstd(content, 1000), content.size()), content);  // libzstd's greatest
}

TEST(Zstd, TheProgramItselfAcceptsTheResult) {
  try {
    const auto result = run_process({}, {"zstd", "-t", "-q"}, zstd(words(5 * block_size), 3, 2));
    EXPECT_EQ(result.status, 0) << result.errors;
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::not_found) GTEST_SKIP() << "zstd is not installed";
    throw;
  }
}

}  // namespace
}  // namespace davit::oci
