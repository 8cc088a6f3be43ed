#include "oci/base/monitor.hpp"

#include <gtest/gtest.h>

#include <future>
#include <latch>

#include "tests/support/errors.hpp"

namespace davit::oci {
namespace {

using tests::kind_of;

TEST(Monitor, WakesWhoWaitsForAChange) {
  Monitor<int> monitor(1);
  auto waiting = std::async(std::launch::async, [&] {
    auto state = monitor.hold();
    state.wait({}, [&] { return *state == 2; });
    return *state;
  });
  {
    auto state = monitor.hold();
    *state = 2;
    state.notify();
  }
  EXPECT_EQ(waiting.get(), 2);
}

TEST(Monitor, EndsAWaitWithAStop) {
  Monitor<int> monitor(1);
  std::stop_source stop;
  auto waiting = std::async(std::launch::async, [&] {
    auto state = monitor.hold();
    return kind_of([&] { state.wait(stop.get_token(), [] { return false; }); });
  });
  stop.request_stop();
  EXPECT_EQ(waiting.get(), ErrorKind::interrupted);
}

TEST(Monitor, HearsAStopWhereThereIsNothingToWaitFor) {
  Monitor<int> monitor(1);
  std::stop_source stop;
  stop.request_stop();
  auto state = monitor.hold();
  EXPECT_EQ(kind_of([&] { state.wait(stop.get_token(), [] { return true; }); }),
            ErrorKind::interrupted);
}

TEST(Monitor, LetsOthersInWhileItIsHeldWithout) {
  Monitor<int> monitor(1);
  auto state = monitor.hold();
  state.without([&] { *monitor.hold() = 3; });
  EXPECT_EQ(*state, 3);
}

}  // namespace
}  // namespace davit::oci
