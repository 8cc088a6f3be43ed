#include "oci/layer/decompress.hpp"

#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <cstring>
#include <optional>

#include "oci/base/error.hpp"
#include "oci/layer/deflate.hpp"
#include "tests/oci/layer/sample.hpp"

namespace davit::oci {
namespace {

using tests::decompressed;
using tests::Memory;
using tests::noise;
using tests::words;

struct Format {
  const char* name;
  Encoding encoding;
  std::string (*compress)(const std::string&);
};

std::string zstd_with_checksum(const std::string& content) { return tests::zstd_frame(content); }

/// What decompressing throws; nothing if it succeeds.
std::optional<Error> failure(Encoding encoding, const std::string& bytes,
                             std::size_t piece = std::size_t{1} << 40) {
  try {
    decompressed(encoding, bytes, piece);
    return std::nullopt;
  } catch (const Error& error) {
    return error;
  }
}

class Decompress : public testing::TestWithParam<Format> {
 protected:
  std::string compress(const std::string& content) const { return GetParam().compress(content); }
  std::string decompress(const std::string& bytes, std::size_t piece = std::size_t{1} << 40) const {
    return decompressed(GetParam().encoding, bytes, piece);
  }
  void expect_corrupt(const std::string& bytes, std::size_t piece = std::size_t{1} << 40) const {
    const auto error = failure(GetParam().encoding, bytes, piece);
    ASSERT_TRUE(error) << "accepted";
    EXPECT_EQ(error->kind(), ErrorKind::corrupt);
    EXPECT_EQ(std::string(error->what()).substr(0, 11), "layer.bin: ");
  }
};

INSTANTIATE_TEST_SUITE_P(Formats, Decompress,
                         testing::Values(Format{"gzip", Encoding::gzip, tests::zlib_gzip},
                                         Format{"zstd", Encoding::zstd, zstd_with_checksum},
                                         Format{"xz", Encoding::xz, tests::xz_stream}),
                         [](const auto& format) { return format.param.name; });

TEST_P(Decompress, GivesTheContentBack) {
  for (const std::size_t size : {0, 1, 1000, 262'143, 262'144, 262'145, 3'000'000}) {
    const std::string content = words(size);
    EXPECT_EQ(decompress(compress(content)), content) << size;
  }
  const std::string dense = noise(1'000'000);
  EXPECT_EQ(decompress(compress(dense)), dense);
}

TEST_P(Decompress, AnySizeOfWritesWillDo) {
  const std::string content = words(300'000) + noise(1000) + std::string(100'000, 'x');
  const std::string bytes = compress(content);
  for (const std::size_t piece : {1, 2, 7, 13, 4096}) {
    EXPECT_EQ(decompress(bytes, piece), content) << piece;
  }
}

TEST_P(Decompress, SeveralBehindOneAnotherAreOneFile) {
  const std::string bytes =
      compress("one ") + compress("") + compress(words(70'000)) + compress("");
  for (const std::size_t piece : {std::size_t{1}, std::size_t{5}, bytes.size()}) {
    EXPECT_EQ(decompress(bytes, piece), "one " + words(70'000)) << piece;
  }
}

TEST_P(Decompress, ACutBetweenTheTwoHalvesOfAFileMayBeAnywhere) {
  const std::string content = words(3000);
  const std::string bytes = compress(content) + compress(content);
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    Memory out;
    const auto decompressor = make_decompressor(GetParam().encoding, out, "layer.bin");
    decompressor->write(bytes_of(bytes).first(cut));
    decompressor->write({});
    decompressor->write(bytes_of(bytes).subspan(cut));
    decompressor->finish();
    ASSERT_EQ(out.text, content + content) << cut;
  }
}

TEST_P(Decompress, AnEndThatComesTooEarlyIsCorrupt) {
  const std::string bytes = compress(words(3000));
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    SCOPED_TRACE(size);
    expect_corrupt(bytes.substr(0, size));
  }
  const std::string large = compress(words(2'000'000));
  for (std::size_t size = 1; size < large.size(); size += large.size() / 20) {
    SCOPED_TRACE(size);
    expect_corrupt(large.substr(0, size), 65'536);
  }
}

TEST_P(Decompress, ASecondPartThatIsCutOffIsCorrupt) {
  const std::string first = compress("first");
  const std::string second = compress(words(200));
  for (std::size_t size = 1; size < second.size(); ++size) {
    SCOPED_TRACE(size);
    expect_corrupt(first + second.substr(0, size));
  }
}

TEST_P(Decompress, AFlippedBitNeverGivesOtherContent) {
  const std::string content = words(3000);
  const std::string bytes = compress(content);
  int noticed = 0;
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string damaged = bytes;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    Memory out;
    try {
      const auto decompressor = make_decompressor(GetParam().encoding, out, "layer.bin");
      decompressor->write(bytes_of(damaged));
      decompressor->finish();
      ASSERT_EQ(out.text, content) << "bit " << bit;  // gzip's time and system are not covered
    } catch (const Error& error) {
      ++noticed;
    }
  }
  EXPECT_GT(noticed, static_cast<int>(bytes.size() * 8 - 80));
}

TEST_P(Decompress, GarbageAtTheEndIsCorrupt) {
  const std::string bytes = compress(words(5000));
  for (const std::string& garbage :
       {std::string("x"), std::string("\x1f"), std::string("\x1f\x8b"), std::string("garbage!"),
        std::string("\0\0\0\0x", 5), noise(100'000), std::string(8, '\xff')}) {
    SCOPED_TRACE(testing::PrintToString(garbage.substr(0, 10)));
    expect_corrupt(bytes + garbage);
    expect_corrupt(bytes + garbage, 1);
  }
}

TEST_P(Decompress, WhatIsNotCompressedIsCorrupt) {
  expect_corrupt(words(1000));
  expect_corrupt(noise(1000));
  expect_corrupt(std::string(1000, '\0'));
  expect_corrupt("");
}

TEST_P(Decompress, ABombComesOutInSmallPieces) {
  // 64 MiB of zeros, in a few KiB; nobody holds them at once.
  const std::string bomb = compress(std::string(64 * MiB, '\0'));
  ASSERT_LT(bomb.size(), 128 * KiB);
  std::uint64_t total = 0;
  std::size_t largest = 0;
  FunctionSink out([&](Bytes bytes) {
    total += bytes.size();
    largest = std::max(largest, bytes.size());
  });
  const auto decompressor = make_decompressor(GetParam().encoding, out, "layer.bin");
  decompressor->write(bytes_of(bomb));
  decompressor->finish();
  EXPECT_EQ(total, 64 * MiB);
  EXPECT_LE(largest, 256 * KiB);
}

TEST_P(Decompress, AFailureOfTheSinkEndsIt) {
  std::uint64_t total = 0;
  FunctionSink limited([&](Bytes bytes) {
    total += bytes.size();
    if (total > MiB) throw Error(ErrorKind::refused, "too many bytes");
  });
  const std::string bomb = compress(std::string(64 * MiB, '\0'));
  const auto decompressor = make_decompressor(GetParam().encoding, limited, "layer.bin");
  EXPECT_THROW(decompressor->write(bytes_of(bomb)), Error);
  EXPECT_LT(total, 2 * MiB);
}

TEST_P(Decompress, IsRecognisedByItsMagic) {
  const std::string bytes = compress("content");
  EXPECT_EQ(sniff(bytes_of(bytes)), GetParam().encoding);
  EXPECT_EQ(sniff(bytes_of(bytes).first(magic_size)), GetParam().encoding);
  EXPECT_EQ(sniff(bytes_of(bytes).first(1)), Encoding::none);
}

TEST_P(Decompress, SniffingFindsTheEncodingWhateverTheSizeOfWrites) {
  const std::string bytes = compress(words(10'000));
  for (const std::size_t piece : {std::size_t{1}, std::size_t{4}, magic_size, bytes.size()}) {
    Memory out;
    const auto decompressor = make_sniffing_decompressor(out, "layer.bin");
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      decompressor->write(bytes_of(bytes).subspan(at, std::min(piece, bytes.size() - at)));
    }
    decompressor->finish();
    EXPECT_EQ(out.text, words(10'000)) << piece;
  }
}

TEST(Sniff, KnowsTheSixteenSkippableFrames) {
  for (int kind = 0x50; kind <= 0x5f; ++kind) {
    EXPECT_EQ(sniff(bytes_of(std::string(1, static_cast<char>(kind)) + "\x2a\x4d\x18 ")),
              Encoding::zstd);
  }
  EXPECT_EQ(sniff(bytes_of("\x60\x2a\x4d\x18 ")), Encoding::none);
}

TEST(Sniff, ATarOrNothingIsNotCompressed) {
  EXPECT_EQ(sniff({}), Encoding::none);
  EXPECT_EQ(sniff(bytes_of("etc/passwd")), Encoding::none);
}

TEST(SniffingDecompressor, PassesOnWhatIsNotCompressed) {
  for (const std::string& content : {std::string(), std::string("\x1f"), words(5), words(5000)}) {
    Memory out;
    const auto decompressor = make_sniffing_decompressor(out, "layer.bin");
    decompressor->write(bytes_of(content));
    decompressor->finish();
    EXPECT_EQ(out.text, content);
  }
}

TEST(Gunzip, ZerosMayFillUpTheFile) {
  const std::string bytes = tests::zlib_gzip("content");
  for (const std::size_t zeros : {1, 8, 511, 100'000}) {
    const std::string padded = bytes + std::string(zeros, '\0');
    EXPECT_EQ(decompressed(Encoding::gzip, padded), "content") << zeros;
    EXPECT_EQ(decompressed(Encoding::gzip, padded, 3), "content") << zeros;
    EXPECT_TRUE(failure(Encoding::gzip, padded + bytes)) << "a member behind the padding";
  }
}

TEST(Gunzip, HeadersMayCarryEverythingThatRfc1952Knows) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string extra = noise(300);
  std::string name = "layer.tar";
  std::string comment = words(500);
  gz_header header{};
  header.text = 1;
  header.time = 12345;
  header.extra = reinterpret_cast<Bytef*>(extra.data());
  header.extra_len = static_cast<uInt>(extra.size());
  header.name = reinterpret_cast<Bytef*>(name.data());
  header.comment = reinterpret_cast<Bytef*>(comment.data());
  header.hcrc = 1;
  deflateSetHeader(&stream, &header);
  std::string content = words(5000);
  std::string bytes(20'000, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(content.data());
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(bytes.data());
  stream.avail_out = static_cast<uInt>(bytes.size());
  ASSERT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  bytes.resize(stream.total_out);
  deflateEnd(&stream);
  for (const std::size_t piece : {std::size_t{1}, std::size_t{11}, bytes.size()}) {
    EXPECT_EQ(decompressed(Encoding::gzip, bytes + bytes, piece), content + content) << piece;
  }
}

TEST(Unzstd, SkippableFramesAreSkipped) {
  const std::string skippable("\x53\x2a\x4d\x18\x05\0\0\0hello", 13);
  const std::string frame = tests::zstd_frame(words(1000));
  EXPECT_EQ(decompressed(Encoding::zstd, skippable + frame + skippable + frame + skippable),
            words(1000) + words(1000));
  EXPECT_EQ(decompressed(Encoding::zstd, skippable, 1), "");
  EXPECT_TRUE(failure(Encoding::zstd, frame + skippable.substr(0, 10)));
}

TEST(Unzstd, AWindowBeyondTheLimitIsRefused) {
  // A frame header with a window of 2^28 bytes, and an empty last block.
  const std::string header("\x28\xb5\x2f\xfd\x00\x90\x01\0\0", 9);
  const auto error = failure(Encoding::zstd, header);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), ErrorKind::refused);
  EXPECT_STREQ(error->what(), "layer.bin: decompressing it needs more than 128 MiB");
  const std::string within("\x28\xb5\x2f\xfd\x00\x88\x01\0\0", 9);
  EXPECT_EQ(decompressed(Encoding::zstd, within), "");
}

TEST(Unxz, ADictionaryBeyondTheLimitIsRefused) {
  std::string bytes = tests::xz_stream("content");
  // After 12 bytes of stream header comes the block's: its size in words, flags, sizes if flagged,
  // then filter (0x21), size of its properties (1), the dictionary's (32 is 256 MiB), and a CRC.
  constexpr std::size_t start = 12;
  const std::size_t size = (static_cast<std::size_t>(bytes[start]) + 1) * 4;
  const std::size_t filter = bytes.find("\x21\x01", start);
  ASSERT_LT(filter, start + size - 6);
  bytes[filter + 2] = 32;
  const auto crc = static_cast<std::uint32_t>(
      crc32(0, reinterpret_cast<const Bytef*>(&bytes[start]), static_cast<uInt>(size - 4)));
  std::memcpy(&bytes[start + size - 4], &crc, 4);
  const auto error = failure(Encoding::xz, bytes);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), ErrorKind::refused);
}

TEST(Inflaters, AgreeAboutEveryFlippedBit) {
  const std::string bytes = tests::zlib_gzip(words(300));
  const auto read = [](MemberInflater& inflater, const std::string& from) {
    std::vector<std::byte> out(1000);
    Bytes in = bytes_of(from);
    std::size_t filled = 0;
    const auto state = inflater.inflate(in, out, filled);
    return state == MemberInflater::State::end ? std::string(text_of(Bytes(out).first(filled)))
                                               : std::string("not whole");
  };
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string damaged = bytes;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_EQ(read(*make_fast_inflater(), damaged), read(*make_zlib_inflater(), damaged)) << bit;
  }
}

TEST(Inflaters, BothTakeMembersOneAfterTheOther) {
  const std::string bytes = tests::zlib_gzip("one") + tests::zlib_gzip("two");
  for (const auto& inflater : {make_fast_inflater(), make_zlib_inflater()}) {
    std::vector<std::byte> out(100);
    Bytes in = bytes_of(bytes);
    for (const char* content : {"one", "two"}) {
      std::size_t filled = 0;
      EXPECT_EQ(inflater->inflate(in, out, filled), MemberInflater::State::end);
      EXPECT_EQ(text_of(Bytes(out).first(filled)), content);
      inflater->reset();
    }
    EXPECT_TRUE(in.empty());
  }
}

}  // namespace
}  // namespace davit::oci
