// What goes wrong with a tree, before and while it is read.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <stop_token>
#include <string>

#include "oci/layer/tree.hpp"
#include "tests/oci/layer/tree_support.hpp"
#include "tests/support/temp_dir.hpp"

namespace davit::oci {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using tests::error_of;
using tests::tar_of_tree;
using tests::TempDir;
using tests::WithoutRoot;
using tests::write_file;

/// A tree whose first file fills several blocks, so that the rest can change in between, and whose
/// last is left to the writer.
class ChangingTree : public testing::Test {
 protected:
  void SetUp() override {
    tests::write_large_file(dir_ / "a", 3 * MiB);
    tests::write_large_file(dir_ / "z", 100 * KiB);
  }

  Error error_if(const std::function<void()>& meanwhile) {
    TreeOptions options;
    options.threads = 0;
    return error_of([&] { tar_of_tree(dir_.path(), options, meanwhile); });
  }

  void expect_failure(const Error& error, std::string_view name, std::string_view what) {
    EXPECT_EQ(error.kind(), ErrorKind::failed);
    EXPECT_EQ(error.what(), (dir_ / name).native() + ": " + std::string(what));
  }

  const TempDir dir_;
};

TEST_F(ChangingTree, AFileThatShrinksIsAnError) {
  const Error error = error_if([&] { fs::resize_file(dir_ / "a", 1500 * KiB); });
  expect_failure(error, "a", "became shorter while it was read");
}

TEST_F(ChangingTree, AFileThatGrowsIsAnError) {
  const Error error = error_if([&] { fs::resize_file(dir_ / "a", 4 * MiB); });
  expect_failure(error, "a", "changed while it was read");
}

TEST_F(ChangingTree, AFileThatIsWrittenToIsAnError) {
  const Error error = error_if([&] {
    std::fstream file(dir_ / "a", std::ios::in | std::ios::out);
    file << "other";
    file.close();
    tests::set_mtime(dir_ / "a", 5);
  });
  expect_failure(error, "a", "changed while it was read");
}

TEST_F(ChangingTree, AFileThatGoesAwayIsAnError) {
  const Error error = error_if([&] { fs::remove(dir_ / "z"); });
  expect_failure(error, "z", "changed while it was read");
}

TEST_F(ChangingTree, AFileThatBecomesALinkIsNotFollowed) {
  const Error error = error_if([&] {
    fs::remove(dir_ / "z");
    fs::create_symlink("/etc/passwd", dir_ / "z");
  });
  expect_failure(error, "z", "changed while it was read");
}

TEST_F(ChangingTree, AFileThatBecomesAFifoIsNotWaitedFor) {
  const Error error = error_if([&] {
    fs::remove(dir_ / "z");
    ::mkfifo((dir_ / "z").c_str(), 0600);
  });
  expect_failure(error, "z", "changed while it was read");
}

TEST_F(ChangingTree, ADirectoryThatBecomesALinkIsNotFollowed) {
  // More files than one batch has, so that the directory is entered after the first block.
  for (int i = 0; i < 100; ++i) write_file(dir_ / ("b" + std::to_string(i)), "");
  fs::create_directories(dir_ / "dir/below");
  const Error error = error_if([&] {
    fs::rename(dir_ / "dir", dir_ / "gone");
    fs::create_symlink("/etc", dir_ / "dir");
  });
  expect_failure(error, "dir", "changed while it was read");
}

TEST_F(ChangingTree, AnErrorOnAThreadComesUpInItsPlace) {
  write_file(dir_ / "y/.wh.deleted", "");
  fs::permissions(dir_ / "z", fs::perms(0600));
  for (const std::size_t threads : {0, 1, 4}) {
    TreeOptions options;
    options.threads = threads;
    const Error error = error_of([&] { tar_of_tree(dir_.path(), options); });
    EXPECT_THAT(error.what(), HasSubstr("/y/.wh.deleted: ")) << threads;
  }
}

TEST_F(ChangingTree, AStopEndsItWithinALargeFile) {
  std::stop_source stop;
  TreeOptions options;
  options.stop = stop.get_token();
  const Error error =
      error_of([&] { tar_of_tree(dir_.path(), options, [&] { stop.request_stop(); }); });
  EXPECT_EQ(error.kind(), ErrorKind::interrupted);
}

TEST(Tree, RefusesNamesThatWouldBeWhiteouts) {
  for (const char* name : {".wh.file", "dir/.wh..wh..opq", "dir/.wh."}) {
    const TempDir dir;
    write_file(dir / name, "");
    const Error error = error_of([&] { tar_of_tree(dir.path()); });
    EXPECT_EQ(error.kind(), ErrorKind::failed);
    EXPECT_THAT(error.what(), HasSubstr((dir / name).native() + ": a name that begins with .wh."));
  }
}

TEST(Tree, SaysAtOnceThatItIsMissingOrNotADirectory) {
  const TempDir dir;
  write_file(dir / "file", "");
  const Error missing = error_of([&] { tree_source(dir / "none", {}); });
  EXPECT_EQ(missing.kind(), ErrorKind::not_found);
  EXPECT_THAT(missing.what(), HasSubstr((dir / "none").native()));
  const Error file = error_of([&] { tree_source(dir / "file", {}); });
  EXPECT_EQ(file.kind(), ErrorKind::usage);
  EXPECT_EQ(file.what(), (dir / "file").native() + ": is not a directory");
  TreeOptions options;
  options.destination = "/x";
  EXPECT_EQ(error_of([&] { tree_source("/dev/null", options); }).kind(), ErrorKind::usage);
}

TEST(Tree, NamesTheFileThatCannotBeRead) {
  const TempDir dir;
  fs::permissions(dir.path(), fs::perms(0755));
  write_file(dir / "sub/secret", "x");
  fs::permissions(dir / "sub/secret", fs::perms::none);
  const WithoutRoot nobody;
  const Error error = error_of([&] { tar_of_tree(dir.path()); });
  EXPECT_EQ(error.kind(), ErrorKind::denied);
  EXPECT_EQ(error.what(), (dir / "sub/secret").native() + ": Permission denied");
}

TEST(Tree, NamesTheDirectoryThatCannotBeRead) {
  const TempDir dir;
  fs::permissions(dir.path(), fs::perms(0755));
  fs::create_directories(dir / "closed");
  fs::permissions(dir / "closed", fs::perms::none);
  {
    const WithoutRoot nobody;
    const Error error = error_of([&] { tar_of_tree(dir.path()); });
    EXPECT_EQ(error.kind(), ErrorKind::denied);
    EXPECT_THAT(error.what(), HasSubstr((dir / "closed").native()));
    EXPECT_EQ(error_of([&] { tree_source(dir / "closed", {}); }).kind(), ErrorKind::denied);
  }
  fs::permissions(dir / "closed", fs::perms::owner_all);
}

TEST(Tree, MakesNamesSafeForATerminalInErrors) {
  const TempDir dir;
  write_file(dir / ".wh.\x1B[31m", "");
  EXPECT_THAT(error_of([&] { tar_of_tree(dir.path()); }).what(), HasSubstr(".wh.\\x1b[31m"));
}

}  // namespace
}  // namespace davit::oci
