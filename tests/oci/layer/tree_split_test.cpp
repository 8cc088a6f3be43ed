#include "oci/layer/tree_split.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <map>
#include <random>

#include "tests/oci/layer/tar_support.hpp"
#include "tests/oci/layer/tree_support.hpp"
#include "tests/support/temp_dir.hpp"

namespace davit::oci {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::ElementsAre;
using tests::parse_tar;
using tests::set_mtime;
using tests::tar_of_tree;
using tests::TarItem;
using tests::TempDir;
using tests::write_file;

constexpr std::uint64_t limit = 100'000;

/// The tars of the parts; of a tree that is not split, its tar.
std::vector<std::string> tars(const fs::path& tree, std::uint64_t max_size = limit,
                              std::size_t max_parts = 100) {
  const auto parts = split_tree(tree, {.max_size = max_size, .max_parts = max_parts, .stop = {}});
  if (parts.empty()) return {tar_of_tree(tree)};
  std::vector<std::string> all;
  for (const auto& part : parts) {
    TreeOptions options;
    options.part = part;
    all.push_back(tar_of_tree(tree, options));
  }
  return all;
}

/// What unpacking the parts one after the other gives.
std::map<std::string, TarItem> stacked(const std::vector<std::string>& parts) {
  std::map<std::string, TarItem> all;
  for (const std::string& part : parts) {
    for (TarItem& item : parse_tar(part)) {
      item.entry.data_offset = 0;
      all[item.entry.path] = std::move(item);
    }
  }
  return all;
}

void expect_same_tree(const std::vector<std::string>& parts, const std::string& whole) {
  const auto got = stacked(parts);
  const auto wanted = stacked({whole});
  ASSERT_EQ(got.size(), wanted.size());
  for (const auto& [path, item] : wanted) {
    ASSERT_TRUE(got.contains(path)) << path;
    EXPECT_EQ(got.at(path).entry, item.entry) << path;
    EXPECT_EQ(got.at(path).data, item.data) << path;
  }
}

/// A sparse file: only its size matters.
void make_file(const fs::path& path, std::uint64_t size) {
  write_file(path, "");
  fs::resize_file(path, size);
}

/// About 1.5 MB in 400 files of six directories.
class Split : public testing::Test {
 protected:
  Split() {
    std::mt19937 random(1);
    for (int i = 0; i < 400; ++i) {
      const std::string path = fmt::format("d{}/s{}/f{}", random() % 3, random() % 2, i);
      make_file(dir / path, random() % 8000);
      files.push_back(path);
    }
    for (const auto& entry : fs::recursive_directory_iterator(dir.path())) {
      set_mtime(entry.path(), 1'000'000);
    }
  }

  const TempDir dir;
  std::vector<std::string> files;
};

std::size_t count_changed(const std::vector<std::string>& before,
                          const std::vector<std::string>& after) {
  std::size_t changed = 0;
  for (const std::string& part : after) {
    changed += std::find(before.begin(), before.end(), part) == before.end() ? 1 : 0;
  }
  return changed;
}

TEST_F(Split, LeavesATreeThatFitsAsItIs) {
  EXPECT_TRUE(split_tree(dir.path(), {.max_size = 10'000'000, .stop = {}}).empty());
}

TEST_F(Split, GivesTheSameTreeInParts) {
  const auto parts = tars(dir.path());
  EXPECT_GT(parts.size(), 10u);
  expect_same_tree(parts, tar_of_tree(dir.path()));
}

TEST_F(Split, HoldsEachFileOnce) {
  std::map<std::string, int> seen;
  for (const std::string& part : tars(dir.path())) {
    for (const std::string& name : tests::names_in(part)) {
      if (!name.ends_with('/')) ++seen[name];
    }
  }
  EXPECT_EQ(seen.size(), files.size());
  for (const auto& [name, count] : seen) EXPECT_EQ(count, 1) << name;
}

TEST_F(Split, MakesNoPartTooLarge) {
  // The directories above and the end marks are beyond the estimate.
  for (const std::string& part : tars(dir.path())) EXPECT_LE(part.size(), limit + 4 * 512);
}

TEST_F(Split, MakesFewPartsMoreThanAreNeeded) {
  const std::size_t needed = tar_of_tree(dir.path()).size() / limit + 1;
  EXPECT_LE(tars(dir.path()).size(), 2 * needed);
}

TEST_F(Split, NeverMakesMorePartsThanAsked) {
  EXPECT_GT(tars(dir.path(), 10'000, 1000).size(), 100u);
  const auto parts = tars(dir.path(), 10'000, 7);
  EXPECT_LE(parts.size(), 7u);
  EXPECT_GT(parts.size(), 3u);
}

TEST_F(Split, DependsNeitherOnThePlaceNorOnTheTime) {
  const TempDir other;
  fs::copy(dir.path(), other / "copy", fs::copy_options::recursive);
  for (const auto& entry : fs::recursive_directory_iterator(other / "copy")) {
    set_mtime(entry.path(), 1'000'000);
  }
  set_mtime(other / "copy", 1'000'000);
  set_mtime(dir.path(), 1'000'000);
  EXPECT_EQ(tars(dir.path()), tars(other / "copy"));
}

TEST_F(Split, ChangesOnePartForOneFile) {
  auto before = tars(dir.path());
  for (std::size_t i = 0; i < files.size(); i += 20) {
    set_mtime(dir / files[i], 2'000'000);
    auto after = tars(dir.path());
    EXPECT_EQ(count_changed(before, after), 1u) << files[i];
    before = std::move(after);
  }
}

TEST_F(Split, ChangesOnePartAndTheDirectoriesForAFileThatIsReplaced) {
  const auto before = tars(dir.path());
  fs::remove(dir / files[7]);
  make_file(dir / files[7], 10);
  const auto after = tars(dir.path());
  EXPECT_LE(count_changed(before, after), 2u);
}

TEST_F(Split, KeepsItsCutsWhenFilesGrowAndComeAndGo) {
  auto before = tars(dir.path());
  std::size_t changed = 0;
  std::size_t edits = 0;
  for (std::size_t i = 3; i < files.size(); i += 10, ++edits) {
    const fs::path file = dir / files[i];
    if (i % 3 == 0) {
      fs::remove(file);
    } else if (i % 3 == 1) {
      fs::resize_file(file, fs::file_size(file) + 300);
    } else {
      make_file(file.native() + "-more", 1000);
    }
    auto after = tars(dir.path());
    changed += count_changed(before, after);
    before = std::move(after);
  }
  // The file's part and that of the directories' times; a cut moves now and then.
  EXPECT_LE(changed, 3 * edits);
}

TEST(SplitParts, EachHoldAllTheDirectoriesAbove) {
  const TempDir dir;
  for (const char* name : {"a/b/c/1", "a/b/c/2", "a/b/c/3"}) make_file(dir / name, 60'000);
  const auto parts = tars(dir.path());
  ASSERT_EQ(parts.size(), 4u);
  EXPECT_THAT(tests::names_in(parts[0]), ElementsAre("./", "a/", "a/b/", "a/b/c/", "a/b/c/1"));
  EXPECT_THAT(tests::names_in(parts[1]), ElementsAre("./", "a/", "a/b/", "a/b/c/", "a/b/c/2"));
  EXPECT_THAT(tests::names_in(parts[2]), ElementsAre("./", "a/", "a/b/", "a/b/c/", "a/b/c/3"));
  EXPECT_THAT(tests::names_in(parts[3]), ElementsAre("./", "a/", "a/b/", "a/b/c/"));
}

TEST(SplitParts, LeaveTheTimesOfSharedDirectoriesToTheLast) {
  const TempDir dir;
  for (const char* name : {"a/1", "a/2", "b/3"}) make_file(dir / name, 60'000);
  set_mtime(dir / "a", 1234);
  set_mtime(dir / "b", 5678);
  const auto parts = tars(dir.path());
  ASSERT_EQ(parts.size(), 4u);
  EXPECT_EQ(tests::item_in(parts[0], "a").entry.mtime, 0);
  EXPECT_EQ(tests::item_in(parts[1], "a").entry.mtime, 0);
  EXPECT_EQ(tests::item_in(parts[2], "b").entry.mtime, 5678);
  EXPECT_EQ(tests::item_in(parts[3], "a").entry.mtime, 1234);
}

TEST(SplitParts, AreCutBetweenDirectoriesRatherThanInsideOne) {
  const TempDir dir;
  for (int i = 0; i < 10; ++i) {
    for (const char* name : {"bin", "lib", "share"}) {
      make_file(dir / fmt::format("{}/{}", name, i), 5'000);
    }
  }
  const auto parts = tars(dir.path());
  ASSERT_EQ(parts.size(), 4u);
  for (const std::string& part : parts) {
    const auto names = tests::names_in(part);
    const auto has = [&](const std::string& name) {
      return std::find(names.begin(), names.end(), name) != names.end();
    };
    for (const std::string name : {"bin", "lib", "share"}) {
      EXPECT_EQ(has(name + "/0"), has(name + "/9")) << name;
    }
  }
}

TEST(SplitParts, AreAsLargeAsASingleFileThatCannotBeCut) {
  const TempDir dir;
  for (const char* name : {"a", "z"}) make_file(dir / name, 30'000);
  make_file(dir / "large", 500'000);
  const auto parts = tars(dir.path());
  ASSERT_EQ(parts.size(), 4u);
  EXPECT_THAT(tests::names_in(parts[0]), ElementsAre("./", "a"));
  EXPECT_THAT(tests::names_in(parts[1]), ElementsAre("./", "large"));
  EXPECT_THAT(tests::names_in(parts[2]), ElementsAre("./", "z"));
}

TEST(SplitParts, KeepTheNamesOfAFileTogether) {
  const TempDir dir;
  for (const char* name : {"a/1", "a/2", "b/3", "c/4"}) make_file(dir / name, 60'000);
  write_file(dir / "a/first", "content");
  fs::create_hard_link(dir / "a/first", dir / "b/second");
  fs::create_directories(dir / "c/only/links");
  fs::create_hard_link(dir / "a/first", dir / "c/only/links/third");
  const auto parts = tars(dir.path());
  expect_same_tree(parts, tar_of_tree(dir.path()));
  std::size_t with_links = 0;
  for (const std::string& part : parts) {
    const auto names = tests::names_in(part);
    const bool first = std::find(names.begin(), names.end(), "a/first") != names.end();
    const bool third = std::find(names.begin(), names.end(), "c/only/links/third") != names.end();
    EXPECT_EQ(first, third);
    if (!first) continue;
    ++with_links;
    EXPECT_EQ(tests::item_in(part, "a/first").data, "content");
    EXPECT_EQ(tests::item_in(part, "b/second").entry.link_target, "a/first");
    EXPECT_EQ(tests::item_in(part, "c/only/links/third").entry.link_target, "a/first");
    EXPECT_THAT(names, Contains("c/only/links/"));
  }
  EXPECT_EQ(with_links, 1u);
}

TEST(SplitParts, HaveTheOwnersAndModesOfTheTree) {
  const TempDir dir;
  for (const char* name : {"a/1", "a/2", "b/3"}) make_file(dir / name, 60'000);
  fs::permissions(dir / "a", fs::perms(0710));
  for (const std::string& part : tars(dir.path())) {
    const auto names = tests::names_in(part);
    if (std::find(names.begin(), names.end(), "a/") == names.end()) continue;
    EXPECT_EQ(tests::item_in(part, "a").entry.mode, 0710u);
  }
}

TEST(SplitParts, SurviveAnyTree) {
  for (unsigned seed = 1; seed <= 30; ++seed) {
    std::mt19937 random(seed);
    const TempDir dir;
    std::vector<std::string> files;
    for (unsigned i = 0; i < 20 + random() % 60; ++i) {
      std::string path;
      for (unsigned depth = random() % 4; depth > 0; --depth) {
        path += fmt::format("{}{}/", "ab-."[random() % 3], random() % 3);
      }
      path += fmt::format("f{}", i);
      fs::create_directories((dir / path).parent_path());
      if (!files.empty() && random() % 4 == 0) {
        fs::create_hard_link(dir / files[random() % files.size()], dir / path);
      } else {
        make_file(dir / path, random() % 3 == 0 ? random() % 50'000 : random() % 2000);
      }
      files.push_back(path);
    }
    expect_same_tree(tars(dir.path(), 5000 + random() % 50'000), tar_of_tree(dir.path()));
  }
}

TEST(SplitParts, AreErrorsWhereTheTreeIsOne) {
  const TempDir dir;
  EXPECT_EQ(
      tests::error_of([&] { split_tree(dir / "absent", {.max_size = limit, .stop = {}}); }).kind(),
      ErrorKind::not_found);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(tests::error_of([&] {
              split_tree(dir.path(), {.max_size = limit, .stop = stop.get_token()});
            }).kind(),
            ErrorKind::interrupted);
}

}  // namespace
}  // namespace davit::oci
