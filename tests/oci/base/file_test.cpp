#include "oci/base/file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <latch>
#include <thread>

#include "oci/base/error.hpp"
#include "tests/support/temp_dir.hpp"

namespace davit::oci {
namespace {

using testing::HasSubstr;
using tests::TempDir;
using tests::write_file;

template <class Action>
Error failure(Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    return error;
  }
  throw std::logic_error("nothing failed");
}

std::size_t entries(const std::filesystem::path& directory) {
  return static_cast<std::size_t>(
      std::distance(std::filesystem::directory_iterator(directory), {}));
}

mode_t mode_of(const std::filesystem::path& path) {
  struct stat info {};
  EXPECT_EQ(::stat(path.c_str(), &info), 0);
  return info.st_mode & 07777;
}

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

TEST(Fd, ClosesWhatItOwns) {
  const TempDir dir;
  int number = -1;
  {
    const Fd fd = open_file(dir / "f", O_WRONLY | O_CREAT);
    number = fd.get();
    EXPECT_TRUE(is_open(number));
  }
  EXPECT_FALSE(is_open(number));
}

TEST(Fd, ClosesItsOldFileWhenAssigned) {
  const TempDir dir;
  Fd fd = open_file(dir / "f", O_WRONLY | O_CREAT);
  const int number = fd.get();
  fd = Fd();
  EXPECT_FALSE(fd);
  EXPECT_FALSE(is_open(number));
}

TEST(Fd, LeavesNothingBehindWhenMoved) {
  const TempDir dir;
  Fd from = open_file(dir / "f", O_WRONLY | O_CREAT);
  const Fd to = std::move(from);
  EXPECT_TRUE(to);
  EXPECT_TRUE(is_open(to.get()));
}

TEST(OpenFile, NamesThePathItCannotOpen) {
  const TempDir dir;
  const Error error = failure([&] { open_file(dir / "absent\x1b", O_RDONLY); });
  EXPECT_EQ(error.kind(), ErrorKind::not_found);
  EXPECT_THAT(error.what(), HasSubstr("absent\\x1b: No such file or directory"));
}

TEST(OpenFile, ClosesOnExec) {
  const TempDir dir;
  const Fd fd = open_file(dir / "f", O_WRONLY | O_CREAT);
  EXPECT_EQ(::fcntl(fd.get(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

class Beneath : public testing::TestWithParam<OpenBeneath> {
 protected:
  Beneath() : root_(open_file(dir_.path(), O_RDONLY | O_DIRECTORY)) {
    write_file(dir_ / "inner/file", "inside");
  }
  std::optional<Fd> open(const std::string& path) {
    return open_beneath(root_.get(), path, O_RDONLY, "the layout", GetParam());
  }

  TempDir dir_;
  Fd root_;
};

TEST_P(Beneath, OpensWhatIsThere) { EXPECT_TRUE(open("inner/file")); }

TEST_P(Beneath, GivesNothingForAFileThatIsNotThere) {
  EXPECT_FALSE(open("inner/other"));
  EXPECT_FALSE(open("other/file"));
  EXPECT_FALSE(open(""));
}

TEST_P(Beneath, DoesNotLeaveTheDirectory) {
  for (const char* path : {"..", "../x", "inner/../../x", "/etc/passwd"}) {
    EXPECT_EQ(failure([&] { open(path); }).kind(), ErrorKind::corrupt) << path;
  }
}

TEST_P(Beneath, FollowsNoSymbolicLink) {
  std::filesystem::create_symlink("file", dir_ / "inner/link");
  std::filesystem::create_directory_symlink("inner", dir_ / "linked");
  for (const char* path : {"inner/link", "linked/file"}) {
    const Error error = failure([&] { open(path); });
    EXPECT_EQ(error.kind(), ErrorKind::corrupt);
    EXPECT_THAT(error.what(), HasSubstr("the layout: " + std::string(path)));
  }
}

TEST_P(Beneath, DoesNotCutAPathAtANulByte) {
  using namespace std::string_literals;
  EXPECT_EQ(failure([&] { open("inner/file\0/../x"s); }).kind(), ErrorKind::corrupt);
}

INSTANTIATE_TEST_SUITE_P(Ways, Beneath, testing::Values(OpenBeneath::best, OpenBeneath::names));

TEST(ReadFile, ReadsTheWholeFile) {
  const TempDir dir;
  const std::string text(300'000, 'x');
  write_file(dir / "f", text);
  EXPECT_EQ(read_file(dir / "f", text.size()), text);
}

TEST(ReadFile, RefusesAFileBeyondItsLimit) {
  const TempDir dir;
  write_file(dir / "f", "12345");
  const Error error = failure([&] { read_file(dir / "f", 4); });
  EXPECT_EQ(error.kind(), ErrorKind::corrupt);
  EXPECT_THAT(error.what(), HasSubstr((dir / "f").native() + " is larger than 4 bytes"));
}

TEST(ReadFile, FailsOnADirectoryByName) {
  const TempDir dir;
  EXPECT_THAT(failure([&] { read_file(dir.path(), 10); }).what(),
              HasSubstr(dir.path().native() + ": Is a directory"));
}

TEST(SendFile, SendsARangeOfAFile) {
  const TempDir dir;
  write_file(dir / "f", "0123456789");
  const Fd fd = open_file(dir / "f", O_RDONLY);
  StringSink sink(100, "f");
  send_file(fd.get(), 3, 4, sink, "f");
  send_file(fd.get(), 0, 0, sink, "f");
  EXPECT_EQ(sink.text(), "3456");
}

TEST(SendFile, SaysHowMuchAShortFileLacks) {
  const TempDir dir;
  write_file(dir / "f", "0123456789");
  const Fd fd = open_file(dir / "f", O_RDONLY);
  NullSink sink;
  const Error error = failure([&] { send_file(fd.get(), 6, 10, sink, "the blob"); });
  EXPECT_EQ(error.kind(), ErrorKind::corrupt);
  EXPECT_STREQ(error.what(), "the blob: ends 6 bytes too early");
}

TEST(WriteAllAt, WritesWhereItIsTold) {
  const TempDir dir;
  const Fd fd = open_file(dir / "f", O_RDWR | O_CREAT);
  write_all(fd.get(), bytes_of("aaaa"), "f");
  write_all_at(fd.get(), bytes_of("bb"), 1, "f");
  EXPECT_EQ(read_file(dir / "f", 10), "abba");
}

TEST(WriteAll, NamesWhatItCannotWrite) {
  const Fd full = open_file("/dev/full", O_WRONLY);
  EXPECT_STREQ(failure([&] { write_all(full.get(), bytes_of("x"), "the disk"); }).what(),
               "the disk: No space left on device");
}

TEST(AtomicFile, AppearsOnlyWithCommit) {
  const TempDir dir;
  AtomicFile file(dir / "f");
  file.write(bytes_of("new"));
  EXPECT_FALSE(std::filesystem::exists(dir / "f"));
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
  AtomicFile file(dir / "unnamed");
  file.write(bytes_of("content"));
  file.commit_as(dir / "named");
  EXPECT_EQ(read_file(dir / "named", 10), "content");
  EXPECT_EQ(entries(dir.path()), 1);
}

TEST(AtomicFile, LeavesNothingIfItCannotBeRenamed) {
  const TempDir dir;
  std::filesystem::create_directories(dir / "taken/by a directory");
  {
    AtomicFile file(dir / "taken");
    EXPECT_THAT(failure([&] { file.commit(); }).what(), HasSubstr("taken: "));
  }
  EXPECT_EQ(entries(dir.path()), 1);
}

TEST(AtomicFile, SaysThatItsDirectoryIsMissing) {
  const TempDir dir;
  const Error error = failure([&] { AtomicFile file(dir / "absent/f"); });
  EXPECT_EQ(error.kind(), ErrorKind::not_found);
  EXPECT_THAT(error.what(), HasSubstr("absent/f"));
}

TEST(AtomicFile, HasTheModeItIsGivenLessTheUmask) {
  const TempDir dir;
  const mode_t before = ::umask(027);
  AtomicFile open(dir / "open", 0666);
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

TEST(FileLock, KeepsOthersOutUntilItGoes) {
  const TempDir dir;
  const Fd other = open_file(dir / "lock", O_RDWR | O_CREAT);
  {
    const FileLock lock(dir / "lock");
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
          const FileLock lock(dir / "lock");
          const int seen = count.load();
          std::this_thread::yield();
          count.store(seen + 1);
        }
      });
    }
  }
  EXPECT_EQ(count, 100);
}

}  // namespace
}  // namespace davit::oci
