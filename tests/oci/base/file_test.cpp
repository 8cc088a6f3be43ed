#include "oci/base/file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "oci/base/error.hpp"
#include "tests/support/errors.hpp"
#include "tests/support/temp_dir.hpp"

namespace davit::oci {
namespace {

using testing::HasSubstr;
using tests::TempDir;
using tests::write_file;

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
  const Error error = tests::thrown_by([&] { open_file(dir / "absent\x1b", O_RDONLY); });
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
    EXPECT_EQ(tests::thrown_by([&] { open(path); }).kind(), ErrorKind::corrupt) << path;
  }
}

TEST_P(Beneath, FollowsNoSymbolicLink) {
  std::filesystem::create_symlink("file", dir_ / "inner/link");
  std::filesystem::create_directory_symlink("inner", dir_ / "linked");
  for (const char* path : {"inner/link", "linked/file"}) {
    const Error error = tests::thrown_by([&] { open(path); });
    EXPECT_EQ(error.kind(), ErrorKind::corrupt);
    EXPECT_THAT(error.what(), HasSubstr("the layout: " + std::string(path)));
  }
}

TEST_P(Beneath, DoesNotCutAPathAtANulByte) {
  using namespace std::string_literals;
  EXPECT_EQ(tests::thrown_by([&] { open("inner/file\0/../x"s); }).kind(), ErrorKind::corrupt);
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
  const Error error = tests::thrown_by([&] { read_file(dir / "f", 4); });
  EXPECT_EQ(error.kind(), ErrorKind::corrupt);
  EXPECT_THAT(error.what(), HasSubstr((dir / "f").native() + " is larger than 4 bytes"));
}

TEST(ReadFile, FailsOnADirectoryByName) {
  const TempDir dir;
  EXPECT_THAT(tests::thrown_by([&] { read_file(dir.path(), 10); }).what(),
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
  const Error error = tests::thrown_by([&] { send_file(fd.get(), 6, 10, sink, "the blob"); });
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
  EXPECT_STREQ(tests::thrown_by([&] { write_all(full.get(), bytes_of("x"), "the disk"); }).what(),
               "the disk: No space left on device");
}

TEST(OpenFile, LetsNobodyElseWriteWhateverTheUmask) {
  const TempDir dir;
  const mode_t before = ::umask(0);
  const Fd fd = open_file(dir / "f", O_WRONLY | O_CREAT);
  make_directories(dir / "a/b");
  ::umask(before);
  EXPECT_EQ(mode_of(dir / "f"), 0644);
  EXPECT_EQ(mode_of(dir / "a"), 0755);
  EXPECT_EQ(mode_of(dir / "a/b"), 0755);
}

TEST(MakeDirectories, AgreesWithDirectoriesThatAreThere) {
  const TempDir dir;
  make_directories(dir / "a/b/");
  make_directories(dir / "a/b/c");
  EXPECT_TRUE(std::filesystem::is_directory(dir / "a/b/c"));
}

TEST(MakeDirectories, SaysThatAFileIsInTheWay) {
  const TempDir dir;
  write_file(dir / "f", "");
  EXPECT_THAT(tests::thrown_by([&] { make_directories(dir / "f"); }).what(),
              HasSubstr("Not a directory"));
  EXPECT_THAT(tests::thrown_by([&] { make_directories(dir / "f/g"); }).what(),
              HasSubstr("Not a directory"));
}

}  // namespace
}  // namespace davit::oci
