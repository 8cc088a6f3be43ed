#include "oci/layer/block.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "oci/base/error.hpp"
#include "tests/support/errors.hpp"

namespace davit::oci {
namespace {

TEST(BlockPool, HandsOutEmptyBuffers) {
  BlockPool pool(1);
  pool.take()->resize(100);
  EXPECT_EQ(pool.take()->size(), 0u);
}

TEST(BlockPool, UsesTheSameMemoryAgain) {
  BlockPool pool(3);
  std::set<const std::byte*> seen;
  for (int i = 0; i < 20; ++i) seen.insert(pool.take()->data());
  EXPECT_EQ(seen.size(), 1u);
}

TEST(BlockPool, DoesNotClearWhatItHandsOutAgain) {
  BlockPool pool(1);
  std::memset(pool.take()->data(), 'x', block_size);
  EXPECT_EQ(pool.take()->data()[block_size - 1], std::byte{'x'});
}

TEST(BlockPool, WaitsUntilABlockComesBack) {
  BlockPool pool(1);
  Block held = pool.take();
  const std::byte* memory = held->data();
  std::jthread other([&] { held.reset(); });
  EXPECT_EQ(pool.take()->data(), memory);
}

TEST(BlockPool, WaitsNoLongerThanUntilAStop) {
  std::stop_source stop;
  BlockPool pool(1, stop.get_token());
  const Block held = pool.take();
  const std::jthread other([&] { stop.request_stop(); });
  EXPECT_EQ(tests::kind_of([&] { pool.take(); }), ErrorKind::interrupted);
}

TEST(BlockPool, MayBeGoneBeforeItsBlocks) {
  Block block;
  {
    BlockPool pool(1);
    const auto buffer = pool.take();
    buffer->resize(3);
    std::memcpy(buffer->data(), "abc", 3);
    block = buffer;
  }
  EXPECT_EQ(text_of(*block), "abc");
}

/// Writes through a BlockWriter and keeps the blocks.
struct Written {
  explicit Written(std::size_t count) : pool(count) {}
  BlockPool pool;
  std::vector<Block> blocks;
  BlockWriter writer{pool, [this](Block block) { blocks.push_back(std::move(block)); }};

  std::string text() const {
    std::string all;
    for (const Block& block : blocks) all.append(text_of(*block));
    return all;
  }
};

TEST(BlockWriter, CutsAStreamIntoFullBlocks) {
  Written out(4);
  std::string text(2 * block_size + 5, '.');
  for (std::size_t i = 0; i < text.size(); i += 1000) text[i] = static_cast<char>('a' + i % 26);
  for (std::size_t at = 0; at < text.size(); at += 70'001) {
    out.writer.write(bytes_of(std::string_view(text).substr(at, 70'001)));
  }
  out.writer.finish();
  ASSERT_EQ(out.blocks.size(), 3u);
  EXPECT_EQ(out.blocks[0]->size(), block_size);
  EXPECT_EQ(out.blocks[1]->size(), block_size);
  EXPECT_EQ(out.blocks[2]->size(), 5u);
  EXPECT_EQ(out.text(), text);
}

TEST(BlockWriter, PassesNothingOnForNothing) {
  Written out(1);
  out.writer.write({});
  out.writer.finish();
  EXPECT_TRUE(out.blocks.empty());
}

TEST(BlockWriter, PassesAFullBlockOnAtOnce) {
  Written out(1);
  out.writer.write(bytes_of(std::string(block_size, 'x')));
  EXPECT_EQ(out.blocks.size(), 1u);
  out.writer.finish();
  EXPECT_EQ(out.blocks.size(), 1u);
}

TEST(BlockWriter, LetsItsSpaceBeFilledInPlace) {
  Written out(2);
  out.writer.write(bytes_of("abc"));
  std::span<std::byte> space = out.writer.space();
  EXPECT_EQ(space.size(), block_size - 3);
  std::memcpy(space.data(), "def", 3);
  out.writer.advance(3);
  out.writer.write(bytes_of("ghi"));
  out.writer.finish();
  EXPECT_EQ(out.text(), "abcdefghi");
}

TEST(BlockWriter, AlwaysHasSpace) {
  Written out(2);
  out.writer.space();
  out.writer.advance(block_size);
  EXPECT_EQ(out.blocks.size(), 1u);
  EXPECT_EQ(out.writer.space().size(), block_size);
}

}  // namespace
}  // namespace davit::oci
