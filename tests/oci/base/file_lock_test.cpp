#include "oci/base/file_lock.hpp"

#include <gtest/gtest.h>
#include <sys/file.h>

#include <atomic>
#include <future>
#include <thread>
#include <vector>

#include "oci/base/error.hpp"
#include "tests/support/errors.hpp"
#include "tests/support/temp_dir.hpp"

namespace davit::oci {
namespace {

using tests::TempDir;

TEST(FileLock, KeepsOthersOutUntilItGoes) {
  const TempDir dir;
  const Fd other = open_file(dir / "lock", O_RDWR | O_CREAT);
  {
    const FileLock lock({}, dir / "lock");
    EXPECT_NE(::flock(other.get(), LOCK_EX | LOCK_NB), 0);
  }
  EXPECT_EQ(::flock(other.get(), LOCK_EX | LOCK_NB), 0);
}

TEST(FileLock, SerializesThreads) {
  const TempDir dir;
  // The lock alone makes reading and writing one step. Atomic only because ThreadSanitizer does not
  // know that flock orders threads.
  std::atomic<int> count = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int k = 0; k < 25; ++k) {
          const FileLock lock({}, dir / "lock");
          const int seen = count.load();
          std::this_thread::yield();
          count.store(seen + 1);
        }
      });
    }
  }
  EXPECT_EQ(count, 100);
}

TEST(FileLock, WaitsNoLongerThanUntilAStop) {
  const TempDir dir;
  const FileLock held({}, dir / "lock");
  std::stop_source stop;
  auto kind = std::async(std::launch::async, [&]() -> std::optional<ErrorKind> {
    return tests::kind_of([&] { FileLock({.stop = stop.get_token()}, dir / "lock"); });
  });
  stop.request_stop();
  EXPECT_EQ(kind.get(), ErrorKind::interrupted);
}

}  // namespace
}  // namespace davit::oci
