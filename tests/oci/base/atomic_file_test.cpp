#include "oci/base/atomic_file.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <future>
#include <thread>

#include "oci/base/error.hpp"
#include "tests/support/errors.hpp"
#include "tests/support/temp_dir.hpp"

namespace davit::oci {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using tests::TempDir;
using tests::write_file;

std::size_t entries(const fs::path& directory) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(directory), {}));
}

mode_t mode_of(const fs::path& path) {
  struct stat info {};
  EXPECT_EQ(::stat(path.c_str(), &info), 0);
  return info.st_mode & 07777;
}

TEST(AtomicFile, AppearsOnlyWithCommit) {
  const TempDir dir;
  AtomicFile file(dir / "f");
  file.write(bytes_of("new"));
  EXPECT_FALSE(fs::exists(dir / "f"));
  file.commit();
  EXPECT_EQ(read_file(dir / "f", 10), "new");
  EXPECT_EQ(entries(dir.path()), 1);
}

TEST(AtomicFile, LeavesNothingWithoutCommit) {
  const TempDir dir;
  { AtomicFile(dir / "f").write(bytes_of("half")); }
  EXPECT_EQ(entries(dir.path()), 0);
}

TEST(AtomicFile, LeavesNothingWhereTheProcessIsKilled) {
  const TempDir dir;
  if (!Fd(::open(dir.path().c_str(), O_RDWR | O_TMPFILE | O_CLOEXEC, 0600))) {
    GTEST_SKIP() << "this file system has no files without a name";
  }
  const pid_t child = ::fork();
  if (child == 0) {
    AtomicFile file(dir / "f");
    file.write(bytes_of("half"));
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(entries(dir.path()), 0);
}

TEST(AtomicFile, ReplacesAFileAndKeepsItWithoutCommit) {
  const TempDir dir;
  write_file(dir / "f", "old");
  { AtomicFile(dir / "f").write(bytes_of("half")); }
  EXPECT_EQ(read_file(dir / "f", 10), "old");
  AtomicFile file(dir / "f");
  file.write(bytes_of("new"));
  file.commit();
  EXPECT_EQ(read_file(dir / "f", 10), "new");
}

TEST(AtomicFile, CanTakeItsNameAtTheEnd) {
  const TempDir dir;
  AtomicFile file = AtomicFile::in(dir.path());
  file.write(bytes_of("content"));
  file.commit_as(dir / "named");
  EXPECT_EQ(read_file(dir / "named", 10), "content");
  EXPECT_EQ(entries(dir.path()), 1);
}

TEST(AtomicFile, ReplacesALinkThatHasTheNameItGetsAtTheEnd) {
  const TempDir dir;
  write_file(dir / "elsewhere", "theirs");
  fs::create_symlink("elsewhere", dir / "blob");
  AtomicFile file = AtomicFile::in(dir.path());
  file.write(bytes_of("ours"));
  file.commit_as(dir / "blob");
  EXPECT_FALSE(fs::is_symlink(dir / "blob"));
  EXPECT_EQ(read_file(dir / "elsewhere", 10), "theirs");
}

TEST(AtomicFile, LeavesNothingIfItCannotBeRenamed) {
  const TempDir dir;
  fs::create_directories(dir / "taken/by a directory");
  {
    AtomicFile file = AtomicFile::in(dir.path());
    EXPECT_THAT(tests::thrown_by([&] { file.commit_as(dir / "taken"); }).what(),
                HasSubstr("taken: "));
  }
  EXPECT_EQ(entries(dir.path()), 1);
}

TEST(AtomicFile, FailsOnADirectoryBeforeAnythingIsWritten) {
  const TempDir dir;
  fs::create_directory(dir / "taken");
  EXPECT_THAT(tests::thrown_by([&] { AtomicFile(dir / "taken"); }).what(),
              HasSubstr("Is a directory"));
}

TEST(AtomicFile, ReplacesTheFileBehindALinkAndKeepsTheLink) {
  const TempDir dir;
  write_file(dir / "real/f", "old");
  fs::create_directory_symlink("real", dir / "links");
  fs::create_symlink("../links/f", dir / "real/link");
  AtomicFile file(dir / "real/link");
  file.write(bytes_of("new"));
  EXPECT_EQ(read_file(dir / "real/f", 10), "old");
  file.commit();
  EXPECT_EQ(fs::read_symlink(dir / "real/link"), "../links/f");
  EXPECT_EQ(read_file(dir / "real/f", 10), "new");
  EXPECT_EQ(entries(dir / "real"), 2);
}

TEST(AtomicFile, MakesTheFileThatALinkLacks) {
  const TempDir dir;
  fs::create_symlink("target", dir / "link");
  AtomicFile file(dir / "link");
  file.write(bytes_of("new"));
  file.commit();
  EXPECT_TRUE(fs::is_symlink(dir / "link"));
  EXPECT_EQ(read_file(dir / "target", 10), "new");
}

TEST(AtomicFile, GivesUpOnLinksInACircle) {
  const TempDir dir;
  fs::create_symlink("b", dir / "a");
  fs::create_symlink("a", dir / "b");
  EXPECT_THAT(tests::thrown_by([&] { AtomicFile(dir / "a"); }).what(),
              HasSubstr("Too many levels of symbolic links"));
}

TEST(AtomicFile, WritesThroughADevice) {
  const TempDir dir;
  const fs::path device = dir / "null";
  if (::mknod(device.c_str(), S_IFCHR | 0666, makedev(1, 3)) != 0) {
    GTEST_SKIP() << "only root makes devices";
  }
  fs::create_symlink("null", dir / "link");
  for (const fs::path& path : {device, dir / "link"}) {
    AtomicFile file(path);
    file.write(bytes_of("gone"));
    file.commit();
  }
  EXPECT_TRUE(fs::is_character_file(fs::symlink_status(device)));
  EXPECT_TRUE(fs::is_symlink(dir / "link"));
  EXPECT_EQ(entries(dir.path()), 2);
}

TEST(AtomicFile, WritesThroughAFifoOnceItHasAReader) {
  const TempDir dir;
  const fs::path fifo = dir / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  // More than a pipe holds.
  const std::string text(300'000, 'x');
  auto reader = std::async(std::launch::async, [&] { return read_file(fifo, text.size()); });
  {
    AtomicFile file(fifo);
    file.write(bytes_of(text));
    file.commit();
  }
  EXPECT_EQ(reader.get(), text);
  EXPECT_TRUE(fs::is_fifo(fifo));
}

TEST(AtomicFile, WaitsNoLongerForAFifoThanUntilAStop) {
  const TempDir dir;
  const fs::path fifo = dir / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  std::stop_source stop;
  const auto write = [&] {
    AtomicFile file(fifo, shared_mode, stop.get_token());
    file.write(bytes_of(std::string(300'000, 'x')));
  };
  auto without_reader =
      std::async(std::launch::async, [&] { return tests::thrown_by(write).kind(); });
  stop.request_stop();
  EXPECT_EQ(without_reader.get(), ErrorKind::interrupted);

  stop = std::stop_source();
  const Fd idle_reader = open_file(fifo, O_RDONLY | O_NONBLOCK);
  auto without_room =
      std::async(std::launch::async, [&] { return tests::thrown_by(write).kind(); });
  stop.request_stop();
  EXPECT_EQ(without_room.get(), ErrorKind::interrupted);
}

TEST(AtomicFile, WritesBehindWhatIsInAFileThatIsOpen) {
  const TempDir dir;
  const Fd log = open_file(dir / "log", O_WRONLY | O_CREAT);
  write_all(log.get(), bytes_of("before "), "log");
  for (const char* directory : {"/proc/self/fd", "/dev/fd", "/proc/thread-self/fd"}) {
    AtomicFile file(fs::path(directory) / std::to_string(log.get()));
    file.write(bytes_of("ours "));
    file.commit();
  }
  write_all(log.get(), bytes_of("after"), "log");
  EXPECT_EQ(read_file(dir / "log", 100), "before ours ours ours after");
}

TEST(AtomicFile, WritesThroughAPipeThatIsOpen) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const Fd read(ends[0]);
  Fd write(ends[1]);
  const std::string text(200'000, 'x');
  auto reader = std::async(std::launch::async, [&] {
    std::array<std::byte, 4096> buffer;
    std::size_t sum = 0;
    while (const std::size_t n = read_some(read.get(), buffer, "pipe")) sum += n;
    return sum;
  });
  {
    AtomicFile file(fmt::format("/proc/self/fd/{}", write.get()));
    file.write(bytes_of(text));
    file.commit();
  }
  write = Fd();
  EXPECT_EQ(reader.get(), text.size());
}

TEST(AtomicFile, SaysThatItsDirectoryIsMissing) {
  const TempDir dir;
  const Error error = tests::thrown_by([&] { AtomicFile file(dir / "absent/f"); });
  EXPECT_EQ(error.kind(), ErrorKind::not_found);
  EXPECT_THAT(error.what(), HasSubstr("absent/f"));
}

TEST(AtomicFile, HasTheModeItIsGivenLessTheUmask) {
  const TempDir dir;
  const mode_t before = ::umask(027);
  AtomicFile open(dir / "open");
  AtomicFile secret(dir / "secret", 0600);
  ::umask(before);
  open.commit();
  secret.commit();
  EXPECT_EQ(mode_of(dir / "open"), 0640);
  EXPECT_EQ(mode_of(dir / "secret"), 0600);
}

TEST(AtomicFile, LetsTheLastOfManyWritersWinWhole) {
  const TempDir dir;
  {
    std::vector<std::jthread> writers;
    for (char c = 'a'; c < 'i'; ++c) {
      writers.emplace_back([&dir, c] {
        AtomicFile file(dir / "f");
        file.write(bytes_of(std::string(1000, c)));
        file.commit();
      });
    }
  }
  const std::string text = read_file(dir / "f", 2000);
  EXPECT_EQ(text, std::string(1000, text[0]));
  EXPECT_EQ(entries(dir.path()), 1);
}

}  // namespace
}  // namespace davit::oci
