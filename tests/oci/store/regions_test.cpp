#include "oci/store/regions.hpp"

#include <gtest/gtest.h>

#include "oci/layer/ustar.hpp"
#include "tests/support/content.hpp"
#include "tests/support/errors.hpp"

namespace davit::oci {
namespace {

const Digest first = digest_of(bytes_of("first"));
const Digest second = digest_of(bytes_of("second"));
const Digest third = digest_of(bytes_of("third"));

void complete(Regions& regions, const Digest& digest) {
  regions.find(digest)->state = Region::State::complete;
}

TEST(Regions, StandOneBehindTheOtherInWholeBlocks) {
  Regions regions;
  const Region one = regions.keep(first, 1000);
  EXPECT_EQ(one.start, 0U);
  EXPECT_EQ(one.data(), tar_block_size);
  EXPECT_EQ(one.end(), 3 * tar_block_size);
  EXPECT_EQ(regions.keep(second, 0).start, one.end());
  EXPECT_EQ(regions.end(), 4 * tar_block_size);
}

TEST(Regions, AreFoundByTheirBlob) {
  Regions regions;
  regions.keep(first, 1000);
  EXPECT_EQ(regions.find(first)->size, 1000U);
  EXPECT_EQ(regions.find(first)->state, Region::State::kept);
  EXPECT_EQ(regions.find(second), nullptr);
}

TEST(Regions, TakeWhatWasWrittenAtTheEnd) {
  Regions regions;
  regions.keep(first, 10);
  regions.append(second, 600);
  EXPECT_EQ(regions.find(second)->start, 2 * tar_block_size);
  EXPECT_EQ(regions.find(second)->state, Region::State::complete);
  EXPECT_EQ(regions.end(), 5 * tar_block_size);
}

TEST(Regions, RefuseSizesThatNoFileHas) {
  Regions regions;
  for (const std::uint64_t size :
       {std::uint64_t{1} << 62, ~std::uint64_t{0}, ~std::uint64_t{0} - 511}) {
    EXPECT_EQ(tests::kind_of([&] { regions.keep(first, size); }), ErrorKind::corrupt);
  }
  EXPECT_EQ(regions.end(), 0U);
}

TEST(Regions, HaveNothingToMoveWhereThereIsNoGap) {
  Regions regions;
  regions.keep(first, 1000);
  complete(regions, first);
  regions.append(second, 10);
  EXPECT_TRUE(regions.compact().empty());
  EXPECT_EQ(regions.end(), 5 * tar_block_size);
}

TEST(Regions, MoveDownOverWhatNeverCameAndWhatWasDropped) {
  Regions regions;
  regions.keep(first, 1000);
  regions.keep(second, 10);
  complete(regions, second);
  regions.keep(third, 10);
  complete(regions, third);
  regions.keep(first, 2000);  // Another size: the first place is a gap.
  complete(regions, first);
  regions.drop(second);
  const std::vector<Move> moves = regions.compact();
  ASSERT_EQ(moves.size(), 2U);
  EXPECT_EQ(moves[0].from, 5 * tar_block_size);
  EXPECT_EQ(moves[0].to, 0U);
  EXPECT_EQ(moves[0].size, 2 * tar_block_size);
  EXPECT_EQ(moves[1].from, 7 * tar_block_size);
  EXPECT_EQ(moves[1].to, 2 * tar_block_size);
  EXPECT_EQ(moves[1].size, 5 * tar_block_size);
  EXPECT_EQ(regions.find(third)->start, 0U);
  EXPECT_EQ(regions.find(first)->start, 2 * tar_block_size);
  EXPECT_EQ(regions.end(), 7 * tar_block_size);
}

TEST(Regions, EndWithNothingWhereNothingCame) {
  Regions regions;
  regions.keep(first, 1000);
  EXPECT_TRUE(regions.compact().empty());
  EXPECT_EQ(regions.end(), 0U);
}

}  // namespace
}  // namespace davit::oci
