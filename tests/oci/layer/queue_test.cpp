#include "oci/layer/queue.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <numeric>
#include <stdexcept>
#include <thread>
#include <vector>

namespace davit::oci {
namespace {

TEST(Queue, GivesBackInOrder) {
  Queue<int> queue;
  for (int i = 0; i < 5; ++i) queue.push(i);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(queue.pop(), i);
}

TEST(Queue, ClosedItGivesWhatIsInsideAndThenNothing) {
  Queue<int> queue;
  queue.push(1);
  queue.close();
  EXPECT_EQ(queue.pop(), 1);
  EXPECT_EQ(queue.pop(), std::nullopt);
  EXPECT_EQ(queue.pop(), std::nullopt);
}

TEST(Queue, AFailureComesBeforeWhatIsInside) {
  Queue<int> queue;
  queue.push(1);
  queue.fail(std::make_exception_ptr(std::runtime_error("first")));
  queue.fail(std::make_exception_ptr(std::runtime_error("second")));
  try {
    queue.pop();
    FAIL() << "popped";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "first");
  }
}

TEST(Queue, AFailureAfterTheCloseStillReachesWhoeverPops) {
  Queue<int> queue;
  queue.push(1);
  queue.close();
  queue.fail(std::make_exception_ptr(std::runtime_error("late")));
  EXPECT_THROW(queue.pop(), std::runtime_error);
}

TEST(Queue, AFailureDropsWhatIsInside) {
  Queue<std::shared_ptr<int>> queue;
  const auto item = std::make_shared<int>(1);
  queue.push(item);
  queue.fail(std::make_exception_ptr(std::runtime_error("failed")));
  EXPECT_EQ(item.use_count(), 1);
}

TEST(Queue, ThrowsAtWhoeverPushesAfterTheEnd) {
  Queue<int> closed;
  closed.close();
  EXPECT_THROW(closed.push(1), Error);
  Queue<int> failed;
  failed.fail(std::make_exception_ptr(std::runtime_error("failed")));
  try {
    failed.push(1);
    FAIL() << "pushed";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::interrupted);
  }
}

TEST(Queue, AFailureWakesWhoeverWaitsForRoom) {
  Queue<int> queue(1);
  queue.push(1);
  bool interrupted = false;
  std::jthread pusher([&] {
    try {
      queue.push(2);
    } catch (const Error&) {
      interrupted = true;
    }
  });
  queue.fail(std::make_exception_ptr(std::runtime_error("failed")));
  pusher.join();
  EXPECT_TRUE(interrupted);
}

TEST(Queue, AFailureWakesWhoeverWaitsForAnItem) {
  Queue<int> queue;
  bool failed = false;
  std::jthread popper([&] {
    try {
      queue.pop();
    } catch (const std::runtime_error&) {
      failed = true;
    }
  });
  queue.fail(std::make_exception_ptr(std::runtime_error("failed")));
  popper.join();
  EXPECT_TRUE(failed);
}

TEST(Queue, LosesNothingBetweenManyThreads) {
  Queue<int> queue(3);
  constexpr int each = 2000;
  std::vector<std::vector<int>> taken(3);
  {
    std::vector<std::jthread> poppers;
    for (auto& mine : taken) {
      poppers.emplace_back([&] {
        while (const auto item = queue.pop()) mine.push_back(*item);
      });
    }
    {
      std::vector<std::jthread> pushers;
      for (int p = 0; p < 3; ++p) {
        pushers.emplace_back([&queue, p] {
          for (int i = 0; i < each; ++i) queue.push(p * each + i);
        });
      }
    }
    queue.close();
  }
  long sum = 0;
  std::size_t count = 0;
  for (const auto& mine : taken) {
    count += mine.size();
    sum = std::accumulate(mine.begin(), mine.end(), sum);
  }
  EXPECT_EQ(count, 3u * each);
  EXPECT_EQ(sum, 3L * each * (3L * each - 1) / 2);
}

}  // namespace
}  // namespace davit::oci
