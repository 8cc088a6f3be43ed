#include "oci/layer/gzip.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

#include <cstring>

#include "oci/base/error.hpp"
#include "oci/base/process.hpp"
#include "tests/oci/layer/sample.hpp"

namespace davit::oci {
namespace {

using tests::Memory;
using tests::noise;
using tests::words;

Block block_of(const std::string& content) {
  auto buffer = std::make_shared<BlockBuffer>();
  std::memcpy(buffer->data(), content.data(), content.size());
  buffer->resize(content.size());
  return buffer;
}

std::string deflated(BlockDeflater& deflater, Bytes dictionary, Bytes block) {
  std::vector<std::byte> into(deflated_limit);
  const std::size_t size = deflater.deflate(dictionary, block, into);
  return std::string(text_of(Bytes(into).first(size)));
}

/// One member, of blocks made one after the other.
std::string gzip(BlockDeflater& deflater, const std::string& content) {
  Memory out;
  GzipMember member(out);
  member.begin();
  Block before;
  for (std::size_t at = 0; at < content.size(); at += block_size) {
    const Block block = block_of(content.substr(at, block_size));
    member.add(deflate_block(deflater, before, block,
                             std::make_unique_for_overwrite<std::byte[]>(deflated_limit)));
    before = block;
  }
  member.finish();
  return out.text;
}

struct Library {
  const char* name;
  std::unique_ptr<BlockDeflater> (*make)();
};

class Deflater : public testing::TestWithParam<Library> {
 protected:
  std::unique_ptr<BlockDeflater> deflater_ = GetParam().make();
};

INSTANTIATE_TEST_SUITE_P(Libraries, Deflater,
                         testing::Values(Library{"fast", [] { return make_fast_deflater(); }},
                                         Library{"zlib1", [] { return make_zlib_deflater(1); }},
                                         Library{"zlib6", [] { return make_zlib_deflater(6); }},
                                         Library{"zlib9", [] { return make_zlib_deflater(9); }}),
                         [](const auto& library) { return library.param.name; });

TEST_P(Deflater, OneMemberHoldsTheContentAndNothingIsLeftOver) {
  for (const std::size_t size :
       {std::size_t{1}, std::size_t{2}, std::size_t{32768}, block_size - 1, block_size,
        block_size + 1, 2 * block_size, 2 * block_size + 12345}) {
    const std::string content = words(size);
    const std::string bytes = gzip(*deflater_, content);
    const auto member = tests::zlib_member(bytes);
    EXPECT_EQ(member.content, content) << size;
    EXPECT_EQ(member.left_over, 0u) << size;
  }
}

TEST_P(Deflater, ContentWithoutRedundancyGrowsByLessThanAPercent) {
  const std::string content = noise(2 * block_size + 999);
  const std::string bytes = gzip(*deflater_, content);
  EXPECT_EQ(tests::zlib_member(bytes).content, content);
  EXPECT_LT(bytes.size(), content.size() + content.size() / 100);
}

TEST_P(Deflater, HardContentFitsIntoTheLimit) {
  // What misleads Huffman tables that are built from a sample: its first half is of one kind, its
  // second of another; and bytes of every frequency.
  std::string halves = std::string(block_size / 2, 'a') + noise(block_size / 2);
  std::string steps = noise(block_size);
  for (std::size_t i = 0; i < steps.size(); ++i) steps[i] &= static_cast<char>(0xff >> (i >> 17));
  std::string stutter = noise(block_size);
  for (std::size_t i = 3; i + 3 < stutter.size(); i += 7)
    std::memcpy(&stutter[i], &stutter[i - 3], 3);
  for (const std::string& content : {halves, steps, stutter}) {
    EXPECT_EQ(tests::zlib_member(gzip(*deflater_, content)).content, content);
  }
}

TEST_P(Deflater, MatchesReachIntoTheBlockBefore) {
  const std::string content = noise(deflate_window / 2);
  const std::string alone = deflated(*deflater_, {}, bytes_of(content));
  const std::string after = deflated(*deflater_, bytes_of(content), bytes_of(content));
  EXPECT_GT(alone.size(), content.size());
  EXPECT_LT(after.size(), content.size() / 20);
}

TEST_P(Deflater, EveryBlockEndsInASyncFlush) {
  for (const std::string& content : {words(1), words(777), words(block_size), noise(4096)}) {
    const std::string bytes = deflated(*deflater_, {}, bytes_of(content));
    ASSERT_GE(bytes.size(), 4u);
    EXPECT_EQ(bytes.substr(bytes.size() - 4), std::string("\0\0\xff\xff", 4));
  }
}

TEST_P(Deflater, SameBytesWhateverItDidBefore) {
  const std::string content = words(block_size, 7);
  const std::string dictionary = words(deflate_window, 7);
  const std::string fresh = deflated(*deflater_, bytes_of(dictionary), bytes_of(content));
  const std::string fresh_alone = deflated(*deflater_, {}, bytes_of(content));
  for (const std::string& other : {noise(block_size), std::string(block_size, '\0'),
                                   words(block_size, 8), words(1), content}) {
    deflated(*deflater_, bytes_of(content).last(deflate_window), bytes_of(other));
    EXPECT_EQ(deflated(*deflater_, bytes_of(dictionary), bytes_of(content)), fresh);
    deflated(*deflater_, {}, bytes_of(other));
    EXPECT_EQ(deflated(*deflater_, {}, bytes_of(content)), fresh_alone);
  }
  EXPECT_EQ(deflated(*GetParam().make(), bytes_of(dictionary), bytes_of(content)), fresh);
}

TEST_P(Deflater, SameBytesWhereverTheContentLies) {
  const std::string content = words(block_size, 3);
  const std::string dictionary = words(deflate_window, 3);
  const std::string expected = deflated(*deflater_, bytes_of(dictionary), bytes_of(content));
  for (const std::size_t offset : {1, 2, 3, 7, 8, 15, 31, 33, 63}) {
    // What lies behind is different each time, too: it must not matter.
    const std::string moved = noise(offset, offset) + content + noise(512, offset);
    const std::string moved_dictionary = noise(64 - offset, offset) + dictionary;
    EXPECT_EQ(deflated(*deflater_, bytes_of(moved_dictionary).last(deflate_window),
                       bytes_of(moved).subspan(offset, block_size)),
              expected);
  }
}

TEST_P(Deflater, GzipItselfAcceptsTheResult) {
  const auto result = run_process({}, {"gzip", "-t"}, gzip(*deflater_, words(block_size + 5000)));
  EXPECT_EQ(result.status, 0) << result.errors;
  EXPECT_EQ(result.errors, "");
}

TEST_P(Deflater, TooLittleRoomIsAnErrorAndNotACutBlock) {
  const std::string content = noise(1000);
  std::vector<std::byte> into(500);
  EXPECT_THROW(deflater_->deflate({}, bytes_of(content), into), Error);
}

TEST(Gzip, EmptyContentIsAMemberOfTwentyBytes) {
  Memory out;
  GzipMember member(out);
  member.begin();
  member.finish();
  EXPECT_EQ(to_hex(bytes_of(out.text)), "1f8b08000000000000ff03000000000000000000");
  EXPECT_EQ(tests::zlib_member(out.text).content, "");
}

TEST(Gzip, TheHeaderIsTenBytesWithoutTimeNameOrExtras) {
  const std::string bytes = gzip(*make_fast_deflater(), words(100'000));
  EXPECT_EQ(to_hex(bytes_of(bytes).first(10)), "1f8b08000000000000ff");
}

TEST(Gzip, ALevelAboveCompressesBetter) {
  const std::string content = words(block_size);
  const std::size_t one = gzip(*make_zlib_deflater(1), content).size();
  const std::size_t nine = gzip(*make_zlib_deflater(9), content).size();
  EXPECT_LT(nine, one);
}

TEST(Gzip, TheFastChecksumIsThatOfZlib) {
  for (const std::size_t size : {0, 1, 15, 16, 17, 255, 4096, 100'001}) {
    const std::string content = noise(size);
    const auto* start = reinterpret_cast<const Bytef*>(content.data());
    EXPECT_EQ(crc32_of(bytes_of(content)), crc32(0, start, static_cast<uInt>(size))) << size;
  }
}

}  // namespace
}  // namespace davit::oci
