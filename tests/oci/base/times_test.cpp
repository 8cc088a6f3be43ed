#include "oci/base/times.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace davit::oci {
namespace {

using std::chrono::system_clock;

TEST(Times, AreSecondsOrMillisecondsSince1970) {
  EXPECT_EQ(time_of(0), system_clock::from_time_t(0));
  EXPECT_EQ(time_of(1767225600), system_clock::from_time_t(1767225600));
  EXPECT_EQ(time_of_milliseconds(1767225600500) - time_of(1767225600),
            std::chrono::milliseconds(500));
}

TEST(Times, ThatNoClockTellsAreTheLatestThatItDoes) {
  constexpr auto greatest = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(time_of(greatest), time_of(9'000'000'000));
  EXPECT_EQ(time_of_milliseconds(greatest), time_of(9'000'000'000));
  EXPECT_GT(time_of(greatest) + std::chrono::hours(24 * 365), time_of(greatest));
}

}  // namespace
}  // namespace davit::oci
