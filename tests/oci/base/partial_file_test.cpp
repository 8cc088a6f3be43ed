#include "oci/base/partial_file.hpp"

#include <gtest/gtest.h>

#include "oci/base/error.hpp"
#include "tests/support/errors.hpp"
#include "tests/support/temp_dir.hpp"

namespace davit::oci {
namespace {

using tests::write_file;
namespace fs = std::filesystem;

class Partial : public testing::Test {
 protected:
  std::unique_ptr<PartialFile> open(std::string_view plan = "plan") const {
    return PartialFile::open(part_, plan, 3);
  }
  /// What a writer leaves that got so far.
  void leave(std::string_view text, std::size_t part, std::string_view plan = "plan") const {
    const auto file = open(plan);
    file->data().write_at(0, bytes_of(text), "text");
    file->mark(part, text.size());
  }
  bool empty() const { return fs::is_empty(dir_.path()); }

  tests::TempDir dir_;
  fs::path part_ = dir_ / "file.part";
};

TEST_F(Partial, KeepsWhatWasMarkedForTheNextWriter) {
  leave("half", 1);
  const auto file = open();
  EXPECT_EQ(file->marked(0), 0u);
  EXPECT_EQ(file->marked(1), 4u);
  EXPECT_EQ(read_file(part_, 100), "half");
}

TEST_F(Partial, DropsWhatWasWrittenForAnotherPlan) {
  leave("half", 1);
  const auto file = open("other");
  EXPECT_EQ(file->marked(1), 0u);
  EXPECT_FALSE(fs::exists(part_));
}

TEST_F(Partial, DropsMarksThatAreCutOff) {
  leave("half", 1);
  const fs::path marks = part_.native() + ".marks";
  fs::resize_file(marks, fs::file_size(marks) - 1);
  EXPECT_EQ(open()->marked(1), 0u);
}

TEST_F(Partial, IsWrittenByOneAtATime) {
  const auto first = open();
  EXPECT_EQ(open(), nullptr);
}

TEST_F(Partial, IsGoneIfNothingWasMarked) {
  open()->data().write_at(0, bytes_of("unmarked"), "text");
  EXPECT_TRUE(empty());
}

TEST_F(Partial, GetsItsNameAndLosesItsMarks) {
  {
    const auto file = open();
    file->data().write_at(0, bytes_of("whole and more"), "text");
    file->mark(0, 5);
    file->commit(dir_ / "file", 5);
  }
  EXPECT_EQ(read_file(dir_ / "file", 100), "whole");
  EXPECT_FALSE(fs::exists(part_));
  EXPECT_FALSE(fs::exists(part_.native() + ".marks"));
}

TEST_F(Partial, KeepsItsMarksUntilTheDataIsDurable) {
  {
    const auto file = open();
    file->data().write_at(0, bytes_of("whole"), "text");
    file->mark(0, 5);
    // No file can be so large: it fails before it is durable.
    constexpr std::uint64_t impossible = std::uint64_t{1} << 63;
    EXPECT_TRUE(tests::error_of([&] { file->commit(dir_ / "file", impossible); }).has_value());
  }
  EXPECT_EQ(open()->marked(0), 5u);
}

TEST_F(Partial, FollowsNoSymbolicLink) {
  write_file(dir_ / "victim", "precious");
  fs::create_symlink("victim", part_);
  leave("half", 0);
  EXPECT_EQ(read_file(dir_ / "victim", 100), "precious");
  fs::remove(part_.native() + ".marks");
  fs::create_symlink("victim", part_.native() + ".marks");
  EXPECT_TRUE(tests::error_of([&] { leave("half", 0); }).has_value());
  EXPECT_EQ(read_file(dir_ / "victim", 100), "precious");
}

}  // namespace
}  // namespace davit::oci
