#include "oci/layer/unpack.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "oci/base/error.hpp"
#include "tests/oci/layer/tar_support.hpp"
#include "tests/oci/layer/tree_support.hpp"
#include "tests/support/temp_dir.hpp"

namespace davit::oci {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using tests::error_of;
using tests::TarItem;
using tests::TempDir;
using tests::write_file;

TarItem file(const std::string& path, const std::string& data = "", std::uint32_t mode = 0644) {
  TarItem item{tests::file_entry(path, data.size()), data};
  item.entry.mode = mode;
  return item;
}

TarItem directory(const std::string& path, std::uint32_t mode = 0755) {
  TarItem item;
  item.entry.type = EntryType::directory;
  item.entry.path = path;
  item.entry.mode = mode;
  return item;
}

TarItem link(EntryType type, const std::string& path, const std::string& target) {
  TarItem item;
  item.entry.type = type;
  item.entry.path = path;
  item.entry.link_target = target;
  item.entry.mode = 0777;
  return item;
}

TarItem symlink(const std::string& path, const std::string& target) {
  return link(EntryType::symlink, path, target);
}

TarItem hardlink(const std::string& path, const std::string& target) {
  return link(EntryType::hardlink, path, target);
}

using Layer = std::vector<TarItem>;

class Unpack : public testing::Test {
 protected:
  Unpack() {
    fs::create_directory(dir / "root");
    write_file(dir / "outside", "untouched");
    options.privileged = tests::is_root();
  }

  /// Into the directory as if it were new.
  std::map<std::string, Shortfall> unpack(const std::vector<Layer>& layers) {
    fs::remove_all(dir / "root");
    fs::create_directory(dir / "root");
    const RootedTree tree(open_file(dir / "root", O_RDONLY | O_DIRECTORY), "DIR");
    Unpacker unpacker(tree, options);
    for (const Layer& layer : layers) {
      unpacker.begin_layer("the layer");
      TarParser parser(unpacker, "the layer", EndMarks::optional);
      parser.write(bytes_of(tests::tar_of(layer)));
      parser.finish();
    }
    unpacker.finish();
    return unpacker.shortfalls();
  }

  Error failure(const std::vector<Layer>& layers) {
    Error error = error_of([&] { unpack(layers); });
    expect_outside_untouched();
    return error;
  }

  void expect_outside_untouched() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(dir.path())) {
      names.push_back(entry.path().filename().native());
    }
    std::sort(names.begin(), names.end());
    EXPECT_THAT(names, ElementsAre("outside", "root"));
    EXPECT_EQ(read_file(dir / "outside", 100), "untouched");
  }

  fs::path at(const std::string& path) const { return dir / ("root/" + path); }
  std::string read(const std::string& path) const { return read_file(at(path), 1000); }
  bool exists(const std::string& path) const { return fs::exists(fs::symlink_status(at(path))); }
  struct stat status(const std::string& path) const {
    struct stat found {};
    EXPECT_EQ(::lstat(at(path).c_str(), &found), 0) << path;
    return found;
  }

  const TempDir dir;
  UnpackOptions options;
};

TEST_F(Unpack, MakesFilesWithTheirModesAndTimes) {
  TarItem program = file("bin/tool", "#!/bin/sh\n", 04755);
  program.entry.mtime = 1234567;
  unpack({{directory("bin"), program}});
  EXPECT_EQ(read("bin/tool"), "#!/bin/sh\n");
  EXPECT_EQ(status("bin/tool").st_mode & 07777, 04755u);
  EXPECT_EQ(status("bin/tool").st_mtime, 1234567);
}

TEST_F(Unpack, GivesDirectoriesTheirTimesInTheEnd) {
  TarItem first = directory("a");
  first.entry.mtime = 1000;
  unpack({{first, file("a/one")}, {file("a/two")}});
  EXPECT_EQ(status("a").st_mtime, 1000);
}

TEST_F(Unpack, TakesTheRootsOwnEntry) {
  TarItem root = directory(".", 0711);
  root.entry.mtime = 77;
  unpack({{root, file("a")}});
  EXPECT_EQ(status("").st_mode & 07777, 0711u);
  EXPECT_EQ(status("").st_mtime, 77);
}

TEST_F(Unpack, MakesParentsThatTheLayerLeavesOut) {
  unpack({{file("a/b/c", "x")}});
  EXPECT_EQ(read("a/b/c"), "x");
  EXPECT_EQ(status("a/b").st_mode & 07777, 0755u);
}

TEST_F(Unpack, MakesLinksOfBothKinds) {
  TarItem soft = symlink("soft", "/etc/passwd");
  soft.entry.mtime = 99;
  unpack({{file("a/file", "x"), soft, hardlink("hard", "a/file"), hardlink("also", "soft")}});
  EXPECT_EQ(fs::read_symlink(at("soft")), "/etc/passwd");
  EXPECT_EQ(status("soft").st_mtime, 99);
  EXPECT_EQ(status("hard").st_ino, status("a/file").st_ino);
  EXPECT_EQ(fs::read_symlink(at("also")), "/etc/passwd");
}

TEST_F(Unpack, GivesTheLastLayersFile) {
  unpack({{file("a", "one")}, {file("a", "two", 0600)}});
  EXPECT_EQ(read("a"), "two");
  EXPECT_EQ(status("a").st_mode & 0777, 0600u);
}

TEST_F(Unpack, DoesNotWriteThroughAHardLinkThatIsReplaced) {
  unpack({{file("a", "one"), hardlink("b", "a")}, {file("a", "two")}});
  EXPECT_EQ(read("b"), "one");
}

TEST_F(Unpack, PutsAFileWhereADirectoryWasAndTheReverse) {
  unpack(
      {{directory("a"), file("a/b"), file("c")}, {file("a", "file"), directory("c"), file("c/d")}});
  EXPECT_EQ(read("a"), "file");
  EXPECT_TRUE(exists("c/d"));
}

TEST_F(Unpack, KeepsADirectoryForADirectory) {
  unpack({{directory("a"), file("a/b")}, {directory("a", 0700)}});
  EXPECT_TRUE(exists("a/b"));
  EXPECT_EQ(status("a").st_mode & 0777, 0700u);
}

TEST_F(Unpack, GoesThroughLinksToDirectoriesOfLowerLayers) {
  unpack({{directory("usr"), directory("usr/bin"), symlink("bin", "usr/bin")},
          {file("bin/tool", "x")}});
  EXPECT_EQ(read("usr/bin/tool"), "x");
  EXPECT_TRUE(fs::is_symlink(fs::symlink_status(at("bin"))));
}

TEST_F(Unpack, RemovesWhatAWhiteoutNames) {
  unpack({{file("a/b"), file("a/c"), file("d/e/f")}, {file("a/.wh.b"), file(".wh.d")}});
  EXPECT_FALSE(exists("a/b"));
  EXPECT_TRUE(exists("a/c"));
  EXPECT_FALSE(exists("d"));
  EXPECT_FALSE(exists("a/.wh.b"));
}

TEST_F(Unpack, RemovesOnlyLowerLayersByWhiteouts) {
  unpack({{file("a", "old")}, {file("a", "new"), file(".wh.a")}});
  EXPECT_EQ(read("a"), "new");
  unpack({{file(".wh.a"), file("a", "newest")}});
  EXPECT_EQ(read("a"), "newest");
}

TEST_F(Unpack, EmptiesAnOpaqueDirectoryOfLowerLayers) {
  const Layer lower = {file("d/old"), file("d/sub/old"), file("d/both/old")};
  for (const bool mark_first : {true, false}) {
    Layer upper = {file("d/new"), file("d/both/new")};
    upper.insert(mark_first ? upper.begin() : upper.end(), file("d/.wh..wh..opq"));
    unpack({lower, upper});
    EXPECT_FALSE(exists("d/old"));
    EXPECT_FALSE(exists("d/sub"));
    EXPECT_FALSE(exists("d/both/old"));
    EXPECT_TRUE(exists("d/new"));
    EXPECT_TRUE(exists("d/both/new"));
  }
}

TEST_F(Unpack, DoesNotMindWhiteoutsOfNothing) {
  unpack({{file(".wh.absent"), file("no/such/.wh.file"), file("none/.wh..wh..opq")}});
  EXPECT_FALSE(exists("no"));
  EXPECT_FALSE(exists("none"));
}

TEST_F(Unpack, LeavesAufssNotesOut) {
  unpack({{directory(".wh..wh.plnk"), file(".wh..wh.aufs")}});
  EXPECT_TRUE(fs::is_empty(at("")));
}

TEST_F(Unpack, SetsExtendedAttributes) {
  TarItem item = file("a", "x");
  item.entry.xattrs["user.test"] = "value";
  const auto shortfalls = unpack({{item}});
  if (!shortfalls.empty()) GTEST_SKIP() << "there are none on this file system";
  std::string value(16, '\0');
  EXPECT_EQ(::getxattr(at("a").c_str(), "user.test", value.data(), value.size()), 5);
}

TEST_F(Unpack, SaysWhatAPersonWithoutPrivilegesCannotHave) {
  options.privileged = false;
  TarItem device;
  device.entry.type = EntryType::character_device;
  device.entry.path = "dev/null";
  const auto shortfalls = unpack({{device, file("a")}});
  EXPECT_EQ(shortfalls.at("devices").count, 1u);
  EXPECT_EQ(shortfalls.at("devices").example, "dev/null");
  EXPECT_FALSE(exists("dev/null"));
  EXPECT_TRUE(exists("a"));
}

TEST_F(Unpack, FillsDirectoriesThatNobodyMayWriteTo) {
  options.privileged = false;
  unpack({{directory("a", 0555), file("a/b", "x")}});
  EXPECT_EQ(read("a/b"), "x");
  EXPECT_EQ(status("a").st_mode & 0777, 0555u);
}

TEST_F(Unpack, MakesOwnersAndDevicesAsRoot) {
  if (!tests::is_root()) GTEST_SKIP() << "needs root";
  TarItem item = file("a", "x", 04755);
  item.entry.uid = 1000;
  item.entry.gid = 2000;
  TarItem device;
  device.entry.type = EntryType::character_device;
  device.entry.path = "null";
  device.entry.mode = 0666;
  device.entry.device_major = 1;
  device.entry.device_minor = 3;
  const auto shortfalls = unpack({{item, device}});
  EXPECT_EQ(status("a").st_uid, 1000u);
  EXPECT_EQ(status("a").st_gid, 2000u);
  EXPECT_EQ(status("a").st_mode & 07777, 04755u);
  if (shortfalls.empty()) {
    EXPECT_EQ(status("null").st_rdev, ::makedev(1, 3));
  }
}

// What strangers write.

TEST_F(Unpack, RefusesNamesThatLeadUp) {
  for (const char* path : {"../outside", "a/../../outside", ".."}) {
    EXPECT_EQ(failure({{file(path, "x")}}).kind(), ErrorKind::corrupt) << path;
  }
  EXPECT_THAT(failure({{file("a/../../outside", "x")}}).what(), HasSubstr("a/../../outside"));
}

TEST_F(Unpack, TakesNamesThatLeadUpButNotOut) {
  unpack({{file("a/../b", "x"), hardlink("c", "no/../b")}});
  EXPECT_EQ(read("c"), "x");
  EXPECT_FALSE(exists("a"));
}

TEST_F(Unpack, TakesAbsoluteNamesForNamesInside) {
  unpack({{file("/etc/passwd", "inside")}});
  EXPECT_EQ(read("etc/passwd"), "inside");
}

TEST_F(Unpack, NeverWritesThroughALinkThatLeadsOut) {
  const std::string out = (dir.path() / "outside").native();
  unpack({{symlink("up", ".."), symlink("way", out), symlink("file", "../outside")},
          {file("up/outside", "inside"), file("file", "inside"), file("way", "inside")}});
  expect_outside_untouched();
  EXPECT_EQ(read("outside"), "inside");
  EXPECT_FALSE(fs::is_symlink(fs::symlink_status(at("file"))));
}

TEST_F(Unpack, NeverLinksToWhatIsOutside) {
  for (const char* target : {"../outside", "/../outside", "up/../outside"}) {
    failure({{symlink("up", ".."), hardlink("stolen", target)}});
    EXPECT_FALSE(exists("stolen")) << target;
  }
  // Inside, "up" is the root itself.
  EXPECT_EQ(failure({{symlink("up", ".."), hardlink("stolen", "up/outside")}}).kind(),
            ErrorKind::corrupt);
}

TEST_F(Unpack, NeverRemovesWhatIsOutside) {
  unpack({{symlink("up", "..")}, {file("up/.wh.outside"), file("up/.wh..wh..opq")}});
  expect_outside_untouched();
}

TEST_F(Unpack, RefusesWhiteoutsOfNoName) {
  for (const char* path : {".wh.", "a/.wh..", "a/.wh..."}) {
    EXPECT_EQ(failure({{file(path)}}).kind(), ErrorKind::corrupt) << path;
  }
}

TEST_F(Unpack, PassesOverARootThatIsNoDirectory) {
  unpack({{file(".", "x"), symlink("./", "/etc"), file("a", "y")}});
  EXPECT_TRUE(fs::is_directory(at("")));
  EXPECT_EQ(read("a"), "y");
}

TEST_F(Unpack, RefusesHardLinksToNothingAndToDirectories) {
  EXPECT_THAT(failure({{hardlink("a", "absent")}}).what(), HasSubstr("absent"));
  EXPECT_EQ(failure({{directory("d"), hardlink("a", "d")}}).kind(), ErrorKind::corrupt);
  EXPECT_EQ(failure({{file("a", "x"), hardlink("a", "a")}}).kind(), ErrorKind::corrupt);
}

TEST_F(Unpack, RefusesEntriesBeneathAFile) {
  EXPECT_EQ(failure({{file("a", "x"), file("a/b", "y")}}).kind(), ErrorKind::corrupt);
}

TEST_F(Unpack, TakesNamesWithControlCharactersAndPrintsThemEscaped) {
  unpack({{file("a\x1b[31m", "x"), file("Folder/Icon\r", "y")}});
  EXPECT_EQ(read("a\x1b[31m"), "x");
  EXPECT_EQ(read("Folder/Icon\r"), "y");
  EXPECT_THAT(failure({{file("b\x1b", "x"), file("b\x1b/c")}}).what(), HasSubstr("b\\x1b"));
}

TEST_F(Unpack, RefusesMoreThanItIsAllowed) {
  options.max_bytes = 10;
  EXPECT_EQ(failure({{file("a", "12345678")}, {file("b", "123")}}).kind(), ErrorKind::refused);
  options.max_bytes = 1000;
  options.max_entries = 2;
  EXPECT_EQ(failure({{file("c"), file("d")}, {file("e")}}).kind(), ErrorKind::refused);
  // Directories that no entry is of count, too.
  EXPECT_EQ(failure({{file("f/g/h")}}).kind(), ErrorKind::refused);
}

TEST_F(Unpack, StopsAtOnce) {
  std::stop_source stop;
  stop.request_stop();
  options.stop = stop.get_token();
  EXPECT_EQ(failure({{file("a")}}).kind(), ErrorKind::interrupted);
}

TEST_F(Unpack, GivesTheEndOfADirectoryToNothingThatTookItsPlace) {
  TarItem priv = directory("e/s", 0700);
  priv.entry.mtime = 7;
  unpack({{directory("d"), directory("d/s", 0777), directory("e"), priv}, {symlink("d", "e")}});
  EXPECT_EQ(status("e/s").st_mode & 0777, 0700u);
  EXPECT_EQ(status("e/s").st_mtime, 7);
}

TEST_F(Unpack, ForgetsTheModeOfADirectoryThatWasRemoved) {
  unpack({{directory("d", 0700), directory("d/s", 0700)}, {file(".wh.d")}, {file("d/s/x")}});
  EXPECT_EQ(status("d").st_mode & 0777, 0755u);
  EXPECT_EQ(status("d/s").st_mode & 0777, 0755u);
}

TEST_F(Unpack, PutsAnythingWhereADirectoryWithDirectoriesWas) {
  const Layer lower = {directory("d"), directory("d/s"), file("d/s/f"), file("f", "x")};
  for (const TarItem& upper : {file("d", "x"), symlink("d", "f"), hardlink("d", "f")}) {
    unpack({lower, {upper}});
    EXPECT_EQ(read("d"), "x");
  }
}

TEST_F(Unpack, GivesImpliedDirectoriesTheirModeWhateverTheUmaskIs) {
  const mode_t before = ::umask(077);
  unpack({{file("a/b")}});
  ::umask(before);
  EXPECT_EQ(status("a").st_mode & 0777, 0755u);
  EXPECT_EQ(status("a").st_mtime, 0);
}

TEST_F(Unpack, KeepsNanoseconds) {
  TarItem item = file("a");
  item.entry.mtime = 5;
  item.entry.mtime_nanoseconds = 999'999'999;
  unpack({{item}});
  EXPECT_EQ(status("a").st_mtim.tv_sec, 5);
  EXPECT_EQ(status("a").st_mtim.tv_nsec, 999'999'999);
}

TEST_F(Unpack, LeavesOutLinksToDevicesThatItLeavesOut) {
  options.privileged = false;
  TarItem device;
  device.entry.type = EntryType::block_device;
  device.entry.path = "disk";
  const auto shortfalls = unpack({{device, hardlink("other", "disk")}});
  EXPECT_EQ(shortfalls.at("devices").count, 2u);
  EXPECT_FALSE(exists("other"));
}

TEST_F(Unpack, SetsExtendedAttributesOfWhatCannotBeOpened) {
  TarItem pipe;
  pipe.entry.type = EntryType::fifo;
  pipe.entry.path = "pipe";
  TarItem soft = symlink("soft", "pipe");
  pipe.entry.xattrs["trusted.test"] = soft.entry.xattrs["trusted.test"] = "value";
  if (!unpack({{pipe, soft}}).empty()) GTEST_SKIP() << "may not, or there are none";
  for (const char* name : {"pipe", "soft"}) {
    std::string value(16, '\0');
    EXPECT_EQ(::lgetxattr(at(name).c_str(), "trusted.test", value.data(), value.size()), 5) << name;
  }
}

TEST_F(Unpack, TakesAwayExtendedAttributesThatALaterEntryOfTheDirectoryLacks) {
  TarItem item = directory("a");
  item.entry.xattrs["user.test"] = "value";
  if (!unpack({{item}, {directory("a")}}).empty()) GTEST_SKIP() << "there are none";
  std::string value(16, '\0');
  EXPECT_EQ(::getxattr(at("a").c_str(), "user.test", value.data(), value.size()), -1);
}

TEST_F(Unpack, RemovesDeepDirectories) {
  std::string path = "a";
  for (int i = 0; i < 100; ++i) path += "/a";
  unpack({{file(path)}, {file(".wh.a"), file("b")}});
  EXPECT_FALSE(exists("a"));
}

TEST_F(Unpack, DoesNotBringBackDirectoriesThatAreGone) {
  unpack({{directory("a"), directory("a/b"), file("a/b/c")}, {file(".wh.a")}});
  EXPECT_FALSE(exists("a"));
}

}  // namespace
}  // namespace davit::oci
