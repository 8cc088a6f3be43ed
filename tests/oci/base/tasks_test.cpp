#include "oci/base/tasks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <latch>
#include <memory>
#include <semaphore>
#include <stdexcept>

#include "oci/base/error.hpp"
#include "tests/support/scarce_threads.hpp"

namespace davit::oci {
namespace {

using namespace std::chrono_literals;

/// Waits until a stop is asked for, as a transfer does.
void wait_for_stop(const std::stop_token& stop) {
  std::binary_semaphore stopped(0);
  const std::stop_callback wake(stop, [&] { stopped.release(); });
  stopped.acquire();
}

ErrorKind kind_of_wait(TaskGroup& group) {
  try {
    group.wait();
  } catch (const Error& error) {
    return error.kind();
  }
  throw std::logic_error("wait did not throw");
}

TEST(TaskGroup, RunsEveryTaskOnce) {
  std::array<std::atomic<int>, 1000> runs{};
  TaskGroup group(3, {});
  for (auto& count : runs) group.run([&count] { ++count; });
  group.wait();
  EXPECT_TRUE(std::all_of(runs.begin(), runs.end(), [](const auto& n) { return n == 1; }));
}

TEST(TaskGroup, NeverRunsMoreTasksAtOnceThanItsLimit) {
  std::atomic<int> now = 0;
  std::atomic<int> most = 0;
  TaskGroup group(4, {});
  for (int i = 0; i < 500; ++i) {
    group.run([&] {
      const int mine = ++now;
      int seen = most;
      while (mine > seen && !most.compare_exchange_weak(seen, mine)) {
      }
      --now;
    });
  }
  group.wait();
  EXPECT_LE(most, 4);
}

TEST(TaskGroup, RunsAsManyTasksAtOnceAsItsLimit) {
  std::latch together(4);  // would never open if fewer ran
  TaskGroup group(4, {});
  for (int i = 0; i < 4; ++i) group.run([&] { together.arrive_and_wait(); });
  group.wait();
}

TEST(TaskGroup, RunsTasksInTheirOrderOnOneThread) {
  std::vector<int> order;
  TaskGroup group(1, {});
  for (int i = 0; i < 5; ++i) group.run([&order, i] { order.push_back(i); });
  group.wait();
  EXPECT_THAT(order, testing::ElementsAre(0, 1, 2, 3, 4));
}

TEST(TaskGroup, TakesALimitOfZeroAsOne) {
  bool ran = false;
  TaskGroup group(0, {});
  group.run([&] { ran = true; });
  group.wait();
  EXPECT_TRUE(ran);
}

TEST(TaskGroup, WaitsForNothingWithoutTasks) {
  TaskGroup group(2, {});
  group.wait();
}

TEST(TaskGroup, CanBeUsedAgainAfterAWait) {
  std::atomic<int> ran = 0;
  TaskGroup group(2, {});
  for (int round = 1; round <= 3; ++round) {
    group.run([&] { ++ran; });
    group.run([&] { ++ran; });
    group.wait();
    EXPECT_EQ(ran, 2 * round);
  }
}

TEST(TaskGroup, ThrowsTheFailureOfATask) {
  TaskGroup group(2, {});
  group.run([] { throw Error(ErrorKind::denied, "no"); });
  EXPECT_EQ(kind_of_wait(group), ErrorKind::denied);
}

TEST(TaskGroup, ThrowsTheFirstFailureWhateverFollows) {
  TaskGroup group(2, {});
  group.run([&] {
    wait_for_stop(group.call().stop);
    throw Error(ErrorKind::interrupted, "the consequence");
  });
  group.run([] { throw Error(ErrorKind::corrupt, "the cause"); });
  EXPECT_EQ(kind_of_wait(group), ErrorKind::corrupt);
}

TEST(TaskGroup, PassesOnWhatIsNotAnErrorOfOurs) {
  TaskGroup group(1, {});
  group.run([] { throw std::bad_alloc(); });
  EXPECT_THROW(group.wait(), std::bad_alloc);
}

TEST(TaskGroup, DropsWhatHasNotBegunAfterAFailure) {
  std::atomic<int> ran = 0;
  TaskGroup group(1, {});
  std::binary_semaphore queued(0);
  group.run([&] {
    queued.acquire();
    throw Error(ErrorKind::failed, "first");
  });
  for (int i = 0; i < 100; ++i) group.run([&] { ++ran; });
  queued.release();
  EXPECT_EQ(kind_of_wait(group), ErrorKind::failed);
  EXPECT_EQ(ran, 0);
}

TEST(TaskGroup, TakesNoTaskAfterAFailure) {
  bool ran = false;
  TaskGroup group(1, {});
  group.run([] { throw Error(ErrorKind::failed, "first"); });
  EXPECT_EQ(kind_of_wait(group), ErrorKind::failed);
  group.run([&] { ran = true; });
  EXPECT_EQ(kind_of_wait(group), ErrorKind::failed);
  EXPECT_FALSE(ran);
}

TEST(TaskGroup, FreesWhatATaskHoldsBeforeWaitReturns) {
  const auto held = std::make_shared<int>(1);
  TaskGroup group(2, {});
  for (int i = 0; i < 20; ++i) group.run([held] {});
  group.wait();
  EXPECT_EQ(held.use_count(), 1);
}

TEST(TaskGroup, LetsADroppedTaskUseTheGroupWhenItGoes) {
  TaskGroup group(1, {});
  std::binary_semaphore queued(0);
  group.run([&] {
    queued.acquire();
    throw Error(ErrorKind::failed, "first");
  });
  const auto calls_back = [&](void*) { group.run([] {}); };
  group.run([held = std::shared_ptr<void>(nullptr, calls_back)] {});
  queued.release();
  EXPECT_EQ(kind_of_wait(group), ErrorKind::failed);
}

TEST(TaskGroup, RunsNothingIfTheStopCameFirst) {
  std::stop_source outer;
  outer.request_stop();
  bool ran = false;
  TaskGroup group(2, {.stop = outer.get_token()});
  EXPECT_TRUE(group.call().stop.stop_requested());
  group.run([&] { ran = true; });
  EXPECT_EQ(kind_of_wait(group), ErrorKind::interrupted);
  EXPECT_FALSE(ran);
}

TEST(TaskGroup, StopsRunningAndWaitingTasksOnAStopFromOutside) {
  std::stop_source outer;
  std::atomic<int> ran = 0;
  TaskGroup group(2, {.stop = outer.get_token()});
  std::latch both(3);
  for (int i = 0; i < 2; ++i) {
    group.run([&] {
      both.arrive_and_wait();
      wait_for_stop(group.call().stop);
    });
  }
  for (int i = 0; i < 50; ++i) group.run([&] { ++ran; });
  both.arrive_and_wait();
  outer.request_stop();
  EXPECT_EQ(kind_of_wait(group), ErrorKind::interrupted);
  EXPECT_EQ(ran, 0);
}

TEST(TaskGroup, SaysInterruptedIfTheStopCameAfterTheLastTask) {
  std::stop_source outer;
  TaskGroup group(2, {.stop = outer.get_token()});
  group.run([] {});
  group.wait();
  outer.request_stop();
  EXPECT_EQ(kind_of_wait(group), ErrorKind::interrupted);
}

TEST(TaskGroup, CanBeStoppedByItsOwnTask) {
  std::stop_source outer;
  TaskGroup group(1, {.stop = outer.get_token()});
  group.run([&] { outer.request_stop(); });
  EXPECT_EQ(kind_of_wait(group), ErrorKind::interrupted);
}

TEST(TaskGroup, DoesNotStopWhoeverStandsOutside) {
  std::stop_source outer;
  TaskGroup group(1, {.stop = outer.get_token()});
  group.run([] { throw Error(ErrorKind::failed, "first"); });
  EXPECT_EQ(kind_of_wait(group), ErrorKind::failed);
  EXPECT_FALSE(outer.stop_requested());
}

TEST(TaskGroup, StopsAGroupInsideATaskOfAnother) {
  TaskGroup outer(2, {});
  std::binary_semaphore begun(0);
  outer.run([&] {
    TaskGroup inner(2, outer.call());
    inner.run([&] {
      begun.release();
      wait_for_stop(inner.call().stop);
    });
    inner.wait();
  });
  outer.run([&] {
    begun.acquire();
    throw Error(ErrorKind::unavailable, "the other task failed");
  });
  EXPECT_EQ(kind_of_wait(outer), ErrorKind::unavailable);
}

TEST(TaskGroup, StopsAndJoinsWhenDestroyedWithoutAWait) {
  std::atomic<int> ran = 0;
  std::atomic<bool> stopped = false;
  {
    TaskGroup group(1, {});
    std::binary_semaphore begun(0);
    group.run([&, stop = group.call().stop] {
      begun.release();
      wait_for_stop(stop);
      stopped = true;
    });
    for (int i = 0; i < 10; ++i) group.run([&] { ++ran; });
    begun.acquire();
  }
  EXPECT_TRUE(stopped);
  EXPECT_EQ(ran, 0);
}

TEST(TaskGroup, SurvivesAStopFromOutsideAtAnyMoment) {
  for (int round = 0; round < 200; ++round) {
    std::stop_source outer;
    std::atomic<int> ran = 0;
    std::jthread stopper([&] { outer.request_stop(); });
    TaskGroup group(2, {.stop = outer.get_token()});
    for (int i = 0; i < 10; ++i) group.run([&] { ++ran; });
    try {
      group.wait();
      EXPECT_EQ(ran, 10);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::interrupted);
    }
  }
}

TEST(TaskGroup, SurvivesFailuresOfAllTasksAtOnce) {
  for (int round = 0; round < 100; ++round) {
    TaskGroup group(4, {});
    for (int i = 0; i < 8; ++i) group.run([] { throw Error(ErrorKind::failed, "all"); });
    EXPECT_EQ(kind_of_wait(group), ErrorKind::failed);
  }
}

TEST(TaskGroup, WorksWithTheThreadsThatTheSystemGives) {
  const auto run = [] {
    std::atomic<int> runs = 0;
    TaskGroup group(4, {});
    for (int i = 0; i < 100; ++i) group.run([&] { ++runs; });
    group.wait();
    if (runs != 100) throw std::logic_error("a task is lost");
  };
  EXPECT_EQ(tests::with_threads(0, run), tests::Ended::with_error);
  if (::geteuid() == 0) {
    EXPECT_EQ(tests::with_threads(1, run), tests::Ended::well);
  }
}

TEST(SleepFor, ReturnsAfterItsTime) {
  const auto before = std::chrono::steady_clock::now();
  sleep_for({}, 2ms);
  EXPECT_GE(std::chrono::steady_clock::now() - before, 2ms);
}

TEST(SleepFor, EndsAtOnceWhenStopped) {
  std::stop_source source;
  std::jthread stopper([&] { source.request_stop(); });
  EXPECT_THROW(sleep_for({.stop = source.get_token()}, 1h), Error);
}

TEST(SleepFor, TakesTheLongestTimeThereIs) {
  std::stop_source source;
  std::jthread stopper([&] { source.request_stop(); });
  EXPECT_THROW(sleep_for({.stop = source.get_token()}, std::chrono::milliseconds::max()), Error);
}

TEST(SleepFor, ThrowsIfStoppedBefore) {
  std::stop_source source;
  source.request_stop();
  EXPECT_THROW(sleep_for({.stop = source.get_token()}, 0ms), Error);
}

TEST(CheckStop, ThrowsOnlyWhenStopped) {
  std::stop_source source;
  Call{.stop = source.get_token()}.check();
  Call().check();
  source.request_stop();
  EXPECT_THROW(Call{.stop = source.get_token()}.check(), Error);
}

}  // namespace
}  // namespace davit::oci
