#include "oci/layer/tree.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "oci/base/log.hpp"
#include "tests/oci/layer/tar_support.hpp"
#include "tests/oci/layer/tree_support.hpp"
#include "tests/support/scarce_threads.hpp"
#include "tests/support/temp_dir.hpp"

namespace davit::oci {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using tests::error_of;
using tests::item_in;
using tests::names_in;
using tests::set_mtime;
using tests::tar_of_tree;
using tests::TarItem;
using tests::TempDir;
using tests::write_file;

/// Makes a file below `dir` for every name, or a directory if it ends with a slash.
void make_tree(const fs::path& dir, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (name.ends_with('/')) {
      fs::create_directories(dir / name);
    } else {
      write_file(dir / name, "content of " + name);
    }
  }
}

TEST(Tree, StartsWithTheRootItself) {
  const TempDir dir;
  fs::permissions(dir.path(), fs::perms(0711));
  set_mtime(dir.path(), 1234567);
  const std::vector<TarItem> items = tests::parse_tar(tar_of_tree(dir.path()));
  ASSERT_EQ(items.size(), 1u);
  EXPECT_EQ(items[0].entry.path, ".");
  EXPECT_EQ(items[0].entry.type, EntryType::directory);
  EXPECT_EQ(items[0].entry.mode, 0711u);
  EXPECT_EQ(items[0].entry.mtime, 1234567);
}

TEST(Tree, IsTheSameWhereTheSystemRefusesAnyOfTheThreads) {
  const TempDir dir;
  fs::permissions(dir.path(), fs::perms(0755));
  make_tree(dir.path(), {"a", "b/c", "b/d"});
  const std::string whole = tar_of_tree(dir.path());
  for (int threads = 0; threads < 5; ++threads) {
    const auto read = [&] {
      if (tar_of_tree(dir.path()) != whole) throw std::logic_error("another tar");
    };
    EXPECT_EQ(tests::with_threads(threads, read), tests::Ended::well) << threads;
  }
}

TEST(Tree, LeavesTheRootOutOnRequest) {
  const TempDir dir;
  make_tree(dir.path(), {"a"});
  TreeOptions options;
  options.root_entry = RootEntry::omitted;
  EXPECT_THAT(names_in(tar_of_tree(dir.path(), options)), ElementsAre("a"));
}

TEST(Tree, NamesParentsBeforeChildrenInTheOrderOfTheBytes) {
  const TempDir dir;
  make_tree(dir.path(), {"b/x", "b.txt", "b-a", "a", "B", "b0", "b/c/d", "\xFF", "\x01"});
  const std::vector<std::string> names = names_in(tar_of_tree(dir.path()));
  EXPECT_THAT(names, ElementsAre("./", "\x01", "B", "a", "b-a", "b.txt", "b/", "b/c/", "b/c/d",
                                 "b/x", "b0", "\xFF"));
  EXPECT_TRUE(std::is_sorted(names.begin() + 1, names.end()));
}

TEST(Tree, IsTheSameBytesHoweverTheTreeCameToBe) {
  const TempDir one;
  const TempDir two;
  std::vector<std::string> names;
  for (int i = 0; i < 200; ++i) {
    names.push_back("dir" + std::to_string(i % 7) + "/f" + std::to_string(i));
  }
  make_tree(one.path(), names);
  std::reverse(names.begin(), names.end());
  make_tree(two.path(), names);
  for (const TempDir* dir : {&one, &two}) {
    for (const auto& item : fs::recursive_directory_iterator(dir->path())) set_mtime(item, 1000);
    set_mtime(dir->path(), 1000);
  }
  EXPECT_EQ(tar_of_tree(one.path()), tar_of_tree(two.path()));
}

TEST(Tree, IsTheSameBytesForAnyNumberOfThreads) {
  const TempDir dir;
  for (int i = 0; i < 500; ++i) {
    const std::string name = "d" + std::to_string(i % 13) + "/f" + std::to_string(i);
    write_file(dir / name, std::string(static_cast<std::size_t>(i * 31 % 4000), 'x'));
  }
  tests::write_large_file(dir / "d5/large", 3'000'000);
  fs::create_hard_link(dir / "d5/large", dir / "d1/same");
  TreeOptions options;
  options.threads = 0;
  const std::string expected = tar_of_tree(dir.path(), options);
  for (const std::size_t threads : {1, 2, 4, 16}) {
    options.threads = threads;
    EXPECT_EQ(tar_of_tree(dir.path(), options), expected) << threads;
  }
}

TEST(Tree, CanBeWrittenTwice) {
  const TempDir dir;
  make_tree(dir.path(), {"a/b", "c"});
  const TarSource source = tree_source(dir.path(), {});
  EXPECT_EQ(tests::tar_of(source), tests::tar_of(source));
}

TEST(Tree, IsReadByLibarchiveAsItIs) {
  const TempDir dir;
  make_tree(dir.path(), {"usr/bin/tool", "empty/", "etc/conf", std::string(120, 'n') + "/f"});
  fs::create_symlink("usr/bin", dir / "bin");
  tests::write_large_file(dir / "large", 200'000);
  const std::string tar = tar_of_tree(dir.path());
  std::size_t found = 0;
  for (const TarItem& item : tests::read_with_libarchive(tar)) {
    ++found;
    const fs::path path = dir / item.entry.path;
    struct stat status;
    ASSERT_EQ(::lstat(path.c_str(), &status), 0) << path;
    EXPECT_EQ(item.entry.mode, status.st_mode & 07777);
    EXPECT_EQ(item.entry.uid, status.st_uid);
    EXPECT_EQ(item.entry.gid, status.st_gid);
    EXPECT_EQ(item.entry.mtime, status.st_mtim.tv_sec);
    if (item.entry.type == EntryType::file) {
      EXPECT_EQ(item.data, read_file(path, MiB));
    }
    if (item.entry.type == EntryType::symlink) {
      EXPECT_EQ(item.entry.link_target, fs::read_symlink(path));
    }
  }
  EXPECT_EQ(found, 11u);
}

TEST(Tree, KeepsFilesOfEverySizeAroundTheBuffers) {
  const TempDir dir;
  const std::vector<std::size_t> sizes = {
      0,         1,   511,     512,        513, 64 * KiB - 1, 64 * KiB, 64 * KiB + 1,
      MiB - 512, MiB, MiB + 1, 2 * MiB + 3};
  for (const std::size_t size : sizes) {
    tests::write_large_file(dir / std::to_string(size), size);
  }
  const std::vector<TarItem> items = tests::parse_tar(tar_of_tree(dir.path()));
  ASSERT_EQ(items.size(), sizes.size() + 1);
  for (const TarItem& item : items) {
    if (item.entry.type != EntryType::file) continue;
    EXPECT_EQ(std::to_string(item.data.size()), item.entry.path);
    EXPECT_EQ(item.data, read_file(dir / item.entry.path, 3 * MiB));
  }
}

TEST(Tree, CutsTimesToSeconds) {
  const TempDir dir;
  make_tree(dir.path(), {"new", "old"});
  set_mtime(dir / "new", 1'700'000'000, 999'999'999);
  set_mtime(dir / "old", -5, 500'000'000);
  const std::string tar = tar_of_tree(dir.path());
  EXPECT_EQ(item_in(tar, "new").entry.mtime, 1'700'000'000);
  EXPECT_EQ(item_in(tar, "old").entry.mtime, -5);
}

TEST(Tree, ClampsOnlyLaterTimes) {
  const TempDir dir;
  make_tree(dir.path(), {"new", "old"});
  set_mtime(dir / "old", 500);
  TreeOptions options;
  options.clamp_mtime = 1000;
  const std::string tar = tar_of_tree(dir.path(), options);
  EXPECT_EQ(item_in(tar, "new").entry.mtime, 1000);
  EXPECT_EQ(item_in(tar, "old").entry.mtime, 500);
  EXPECT_EQ(item_in(tar, ".").entry.mtime, 1000);
}

TEST(Tree, GivesEverythingTheOwnerAskedFor) {
  const TempDir dir;
  make_tree(dir.path(), {"d/f"});
  TreeOptions options;
  options.owner = Owner{1000, 3'000'000};
  for (const TarItem& item : tests::parse_tar(tar_of_tree(dir.path(), options))) {
    EXPECT_EQ(item.entry.uid, 1000u);
    EXPECT_EQ(item.entry.gid, 3'000'000u);
  }
}

TEST(Tree, KeepsNamesThatAreNotUtf8OrLong) {
  const TempDir dir;
  const std::string latin = "caf\xE9";
  const std::string longest(255, 'n');
  make_tree(dir.path(), {latin, longest + "/" + longest});
  EXPECT_THAT(names_in(tar_of_tree(dir.path())),
              ElementsAre("./", latin, longest + "/", longest + "/" + longest));
}

TEST(Tree, GivesTheFirstOfSeveralHardLinksTheData) {
  const TempDir dir;
  write_file(dir / "z/first-made", "data");
  fs::create_directories(dir / "a");
  fs::create_hard_link(dir / "z/first-made", dir / "a/first-named");
  fs::create_hard_link(dir / "z/first-made", dir / "a/other");
  const std::string tar = tar_of_tree(dir.path());
  EXPECT_EQ(item_in(tar, "a/first-named").data, "data");
  for (const char* name : {"a/other", "z/first-made"}) {
    const TarEntry entry = item_in(tar, name).entry;
    EXPECT_EQ(entry.type, EntryType::hardlink);
    EXPECT_EQ(entry.link_target, "a/first-named");
  }
}

TEST(Tree, KeepsTheDataOfAFileWhoseOtherLinksAreElsewhere) {
  const TempDir dir;
  write_file(dir / "outside", "data");
  fs::create_directories(dir / "tree");
  fs::create_hard_link(dir / "outside", dir / "tree/inside");
  const TarItem item = item_in(tar_of_tree(dir / "tree"), "inside");
  EXPECT_EQ(item.entry.type, EntryType::file);
  EXPECT_EQ(item.data, "data");
}

TEST(Tree, LinksSymbolicLinksThatAreLinkedHard) {
  const TempDir dir;
  fs::create_symlink("target", dir / "a");
  ASSERT_EQ(::linkat(AT_FDCWD, (dir / "a").c_str(), AT_FDCWD, (dir / "b").c_str(), 0), 0);
  const std::string tar = tar_of_tree(dir.path());
  EXPECT_EQ(item_in(tar, "a").entry.link_target, "target");
  EXPECT_EQ(item_in(tar, "b").entry.type, EntryType::hardlink);
  EXPECT_EQ(item_in(tar, "b").entry.link_target, "a");
}

TEST(Tree, DoesNotFollowSymbolicLinks) {
  const TempDir dir;
  make_tree(dir.path(), {"tree/", "secret/file"});
  fs::create_symlink("../secret", dir / "tree/dir");
  fs::create_symlink("/etc/passwd", dir / "tree/file");
  fs::create_symlink("nowhere", dir / "tree/dangling");
  EXPECT_THAT(names_in(tar_of_tree(dir / "tree")), ElementsAre("./", "dangling", "dir", "file"));
}

TEST(Tree, FollowsALinkToTheTreeItself) {
  const TempDir dir;
  make_tree(dir.path(), {"tree/file"});
  fs::create_symlink("tree", dir / "current");
  EXPECT_THAT(names_in(tar_of_tree(dir / "current")), ElementsAre("./", "file"));
}

TEST(Tree, KeepsFifosAndLeavesOutSocketsWithAWarning) {
  const TempDir dir;
  ASSERT_EQ(::mkfifo((dir / "fifo").c_str(), 0600), 0);
  const Fd server(::socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = dir / "socket";
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(server.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);

  std::vector<std::string> warnings;
  set_log([&](LogLevel level, std::string_view message) {
    if (level == LogLevel::warning) warnings.emplace_back(message);
  });
  const std::string tar = tar_of_tree(dir.path());
  set_log(nullptr);
  EXPECT_THAT(names_in(tar), ElementsAre("./", "fifo"));
  EXPECT_EQ(item_in(tar, "fifo").entry.type, EntryType::fifo);
  EXPECT_THAT(warnings, ElementsAre(path + ": a socket, left out"));
}

TEST(Tree, KeepsDevicesAndOwners) {
  if (!tests::is_root()) GTEST_SKIP() << "needs root";
  const TempDir dir;
  if (::mknod((dir / "null").c_str(), S_IFCHR | 0666, ::makedev(1, 3)) != 0 ||
      ::mknod((dir / "disk").c_str(), S_IFBLK | 0660, ::makedev(259, 70000)) != 0) {
    GTEST_SKIP() << "devices cannot be made here";
  }
  ASSERT_EQ(::lchown((dir / "disk").c_str(), 1234, 5'000'000), 0);
  const std::string tar = tar_of_tree(dir.path());
  const TarEntry null = item_in(tar, "null").entry;
  EXPECT_EQ(null.type, EntryType::character_device);
  EXPECT_EQ(null.device_major, 1u);
  EXPECT_EQ(null.device_minor, 3u);
  const TarEntry disk = item_in(tar, "disk").entry;
  EXPECT_EQ(disk.type, EntryType::block_device);
  EXPECT_EQ(disk.device_major, 259u);
  EXPECT_EQ(disk.device_minor, 70000u);
  EXPECT_EQ(disk.uid, 1234u);
  EXPECT_EQ(disk.gid, 5'000'000u);
}

TEST(Tree, GoesDeeperThanPathsAndOpenFilesAllow) {
  const TempDir dir;
  constexpr int depth = 300;
  const std::string name(30, 'd');  // 9,300 bytes in all, over PATH_MAX
  Fd at = open_file(dir.path(), O_RDONLY | O_DIRECTORY);
  for (int i = 0; i < depth; ++i) {
    // What comes after a directory needs its parent again, which was closed meanwhile.
    ASSERT_EQ(::mkdirat(at.get(), "z", 0755), 0);
    ASSERT_EQ(::mkdirat(at.get(), name.c_str(), 0755), 0);
    at = Fd(::openat(at.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_TRUE(at);
  }
  const std::vector<std::string> names = names_in(tar_of_tree(dir.path()));
  EXPECT_EQ(names.size(), 1u + 2 * depth);
  EXPECT_TRUE(std::is_sorted(names.begin() + 1, names.end()));
  EXPECT_GT(names[depth].size(), 4096u);
}

TEST(Tree, StreamsASparseFileWithoutHoldingIt) {
  const TempDir dir;
  write_file(dir / "sparse", "start");
  constexpr std::uint64_t size = 300 * MiB;
  fs::resize_file(dir / "sparse", size);
  BlockPool pool(2);
  std::uint64_t bytes = 0;
  BlockWriter to(pool, [&](const Block& block) { bytes += block->size(); });
  tree_source(dir.path(), {})(to);
  to.finish();
  EXPECT_EQ(bytes, 512 + 512 + size + 1024);
}

TEST(Tree, GoesBelowADestinationWithItsParents) {
  const TempDir dir;
  make_tree(dir.path(), {"bin/tool"});
  fs::permissions(dir.path(), fs::perms(0750));
  TreeOptions options;
  options.destination = "//opt/./app/";
  options.owner = Owner{7, 7};
  const std::string tar = tar_of_tree(dir.path(), options);
  EXPECT_THAT(names_in(tar), ElementsAre("opt/", "opt/app/", "opt/app/bin/", "opt/app/bin/tool"));
  const TarEntry parent = item_in(tar, "opt").entry;
  EXPECT_EQ(parent.mode, 0755u);
  EXPECT_EQ(parent.uid, 0u);
  EXPECT_EQ(parent.mtime, 0);
  EXPECT_EQ(item_in(tar, "opt/app").entry.mode, 0750u);
  EXPECT_EQ(item_in(tar, "opt/app").entry.uid, 7u);
  options.clamp_mtime = 99;
  EXPECT_EQ(item_in(tar_of_tree(dir.path(), options), "opt").entry.mtime, 99);
}

TEST(Tree, LinksWithinADestinationFromTheLayersRoot) {
  const TempDir dir;
  make_tree(dir.path(), {"a"});
  fs::create_hard_link(dir / "a", dir / "b");
  TreeOptions options;
  options.destination = "/opt";
  EXPECT_EQ(item_in(tar_of_tree(dir.path(), options), "opt/b").entry.link_target, "opt/a");
}

TEST(Tree, TakesASingleFileToItsDestination) {
  const TempDir dir;
  write_file(dir / "tool-1.2", "program");
  fs::create_symlink("tool-1.2", dir / "tool");
  TreeOptions options;
  options.destination = "/usr/bin/run";
  const std::string tar = tar_of_tree(dir / "tool", options);
  EXPECT_THAT(names_in(tar), ElementsAre("usr/", "usr/bin/", "usr/bin/run"));
  EXPECT_EQ(item_in(tar, "usr/bin/run").data, "program");
  options.destination = "/usr/";
  EXPECT_THAT(names_in(tar_of_tree(dir / "tool", options)), ElementsAre("usr/", "usr/tool"));
  options.destination = "/";
  EXPECT_THAT(names_in(tar_of_tree(dir / "tool", options)), ElementsAre("tool"));
}

TEST(Tree, RefusesDestinationsThatLeadElsewhere) {
  const TempDir dir;
  for (const std::string& destination :
       {std::string("/a/../../b"), std::string(".."), std::string("/a/.wh.b"),
        std::string("/.wh..wh..opq"), std::string("a\0b", 3)}) {
    TreeOptions options;
    options.destination = destination;
    EXPECT_EQ(error_of([&] { tree_source(dir.path(), options); }).kind(), ErrorKind::usage)
        << printable(destination);
  }
}

}  // namespace
}  // namespace davit::oci
