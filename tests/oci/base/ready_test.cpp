#include "oci/base/ready.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <future>
#include <thread>

#include "oci/base/error.hpp"
#include "oci/base/file.hpp"
#include "tests/support/errors.hpp"

namespace davit::oci {
namespace {

using namespace std::chrono_literals;
using tests::kind_of;

/// A pipe, or a pair of sockets, that this process holds both ends of.
struct Ends {
  explicit Ends(int flags = 0) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC | flags), 0);
    read = Fd(ends[0]);
    write = Fd(ends[1]);
  }
  Fd read;
  Fd write;
};

std::size_t read_to_end(int fd) {
  std::array<std::byte, 10'000> buffer;
  std::size_t sum = 0;
  while (const std::size_t n = read_when_ready(fd, buffer, "a pipe", {})) sum += n;
  return sum;
}

TEST(WaitReady, SaysWhichDescriptorIsReady) {
  const Ends ends;
  std::array<pollfd, 2> watched = {pollfd{ends.read.get(), POLLIN, 0},
                                   pollfd{ends.write.get(), POLLOUT, 0}};
  EXPECT_TRUE(wait_ready(watched, {}));
  EXPECT_EQ(watched[0].revents, 0);
  EXPECT_EQ(watched[1].revents, POLLOUT);
}

TEST(WaitReady, EndsAtItsDeadline) {
  const Ends ends;
  pollfd watched{ends.read.get(), POLLIN, 0};
  EXPECT_FALSE(wait_ready(std::span(&watched, 1), {}, std::chrono::steady_clock::now() + 5ms));
}

TEST(WaitReady, EndsWithAStop) {
  const Ends ends;
  std::stop_source stop;
  auto waiting = std::async(std::launch::async, [&] {
    pollfd watched{ends.read.get(), POLLIN, 0};
    return kind_of([&] { wait_ready(std::span(&watched, 1), stop.get_token()); });
  });
  stop.request_stop();
  EXPECT_EQ(waiting.get(), ErrorKind::interrupted);
}

TEST(WriteWhenReady, WaitsForRoomWhetherOrNotTheDescriptorDoes) {
  for (const int flags : {0, O_NONBLOCK}) {
    Ends ends(flags);
    const std::string text(300'000, 'x');
    auto sum = std::async(std::launch::async, [&] { return read_to_end(ends.read.get()); });
    write_when_ready(ends.write.get(), bytes_of(text), "a pipe", {});
    ends.write = Fd();
    EXPECT_EQ(sum.get(), text.size());
  }
}

TEST(WriteWhenReady, WaitsNoLongerForRoomThanUntilAStop) {
  const Ends ends;
  std::stop_source stop;
  auto waiting = std::async(std::launch::async, [&] {
    return kind_of([&] {
      const std::string text(300'000, 'x');
      write_when_ready(ends.write.get(), bytes_of(text), "a pipe", stop.get_token());
    });
  });
  // Something came out: the writer has begun.
  std::array<std::byte, 1> first;
  EXPECT_EQ(read_some(ends.read.get(), first, "a pipe"), 1U);
  stop.request_stop();
  EXPECT_EQ(waiting.get(), ErrorKind::interrupted);
}

TEST(WriteWhenReady, FailsWhereNobodyReadsAnyMore) {
  Ends ends;
  ends.read = Fd();
  ::signal(SIGPIPE, SIG_IGN);
  EXPECT_EQ(kind_of([&] { write_when_ready(ends.write.get(), bytes_of("x"), "a pipe", {}); }),
            ErrorKind::failed);
}

}  // namespace
}  // namespace davit::oci
