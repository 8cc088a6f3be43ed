#include "oci/base/queue.hpp"

#include <gtest/gtest.h>

#include <future>
#include <numeric>
#include <stop_token>
#include <thread>
#include <vector>

#include "tests/support/errors.hpp"

namespace davit::oci {
namespace {

using tests::kind_of;

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

TEST(Queue, RefusesWhatIsPushedAfterItsEnd) {
  Queue<int> queue;
  queue.close();
  EXPECT_EQ(kind_of([&] { queue.push(1); }), ErrorKind::interrupted);
}

TEST(Queue, AStopComesBeforeWhatIsInside) {
  std::stop_source stop;
  Queue<int> queue(stop.get_token());
  queue.push(1);
  queue.close();
  stop.request_stop();
  EXPECT_EQ(kind_of([&] { queue.pop(); }), ErrorKind::interrupted);
}

TEST(Queue, AStopWakesWhoeverWaitsForRoom) {
  std::stop_source stop;
  Queue<int> queue(stop.get_token(), 1);
  queue.push(1);
  auto pushing = std::async(std::launch::async, [&] { return kind_of([&] { queue.push(2); }); });
  stop.request_stop();
  EXPECT_EQ(pushing.get(), ErrorKind::interrupted);
}

TEST(Queue, AStopWakesWhoeverWaitsForAnItem) {
  std::stop_source stop;
  Queue<int> queue(stop.get_token());
  auto popping = std::async(std::launch::async, [&] { return kind_of([&] { queue.pop(); }); });
  stop.request_stop();
  EXPECT_EQ(popping.get(), ErrorKind::interrupted);
}

TEST(Queue, LosesNothingBetweenManyThreads) {
  Queue<int> queue({}, 3);
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
