#include "oci/layer/xattr.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "oci/base/file.hpp"
#include "tests/oci/layer/tar_support.hpp"
#include "tests/oci/layer/tree_support.hpp"
#include "tests/support/temp_dir.hpp"

namespace davit::oci {
namespace {

using tests::TempDir;
using tests::write_file;

bool set_xattr(const std::filesystem::path& path, const char* name, std::string_view value) {
  return ::lsetxattr(path.c_str(), name, value.data(), value.size(), 0) == 0;
}

TEST(Xattr, TravelsUnlessItBelongsToTheHost) {
  for (const char* name : {"security.capability", "user.note", "trusted.x", "user.overlayer",
                           "system.posix_acl_access"}) {
    EXPECT_TRUE(travels(name)) << name;
  }
  for (const char* name :
       {"security.selinux", "trusted.overlay.opaque", "user.overlay.redirect",
        "trusted.overlay.overlay.opaque", "system.nfs4_acl", "system.nfs4_dacl"}) {
    EXPECT_FALSE(travels(name)) << name;
  }
}

TEST(Xattr, ComesFromFilesAndDirectories) {
  const TempDir dir;
  write_file(dir / "file", "");
  if (!set_xattr(dir / "file", "user.note", std::string_view("a\0b", 3)) ||
      !set_xattr(dir.path(), "user.dir", "")) {
    GTEST_SKIP() << "no user attributes on this file system";
  }
  const Fd file = open_file(dir / "file", O_RDONLY);
  EXPECT_EQ(xattrs_of(file.get()),
            (std::map<std::string, std::string>{{"user.note", std::string("a\0b", 3)}}));
  const Fd directory = open_file(dir.path(), O_RDONLY | O_DIRECTORY);
  EXPECT_EQ(xattrs_of(directory.get()), (std::map<std::string, std::string>{{"user.dir", ""}}));
  EXPECT_EQ(xattrs_at(directory.get(), "file"), xattrs_of(file.get()));
}

TEST(Xattr, OfAnySizeAndNumberIsRead) {
  const TempDir dir;
  write_file(dir / "file", "");
  std::map<std::string, std::string> expected;
  for (int i = 0; i < 20; ++i) {
    const std::string name = "user.a-name-that-is-rather-long." + std::to_string(i);
    expected[name] = std::string(static_cast<std::size_t>(i * 5), 'v');
    if (!set_xattr(dir / "file", name.c_str(), expected[name])) {
      GTEST_SKIP() << "no room for user attributes on this file system";
    }
  }
  const Fd file = open_file(dir / "file", O_RDONLY);
  EXPECT_EQ(xattrs_of(file.get()), expected);
}

TEST(Xattr, OfALinkIsNotThatOfItsTarget) {
  const TempDir dir;
  write_file(dir / "target", "");
  if (!set_xattr(dir / "target", "user.note", "x")) GTEST_SKIP() << "no user attributes here";
  std::filesystem::create_symlink("target", dir / "link");
  const Fd directory = open_file(dir.path(), O_RDONLY | O_DIRECTORY);
  EXPECT_TRUE(xattrs_at(directory.get(), "link").empty());
  if (tests::is_root() && set_xattr(dir / "link", "trusted.note", "y")) {
    EXPECT_EQ(xattrs_at(directory.get(), "link").at("trusted.note"), "y");
  }
}

TEST(Xattr, IsInTheLayer) {
  const TempDir dir;
  write_file(dir / "ping", "");
  const std::string capability("\1\0\0\2\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
  if (!tests::is_root() || !set_xattr(dir / "ping", "security.capability", capability)) {
    GTEST_SKIP() << "needs root, and capabilities on files";
  }
  const std::string tar = tests::tar_of_tree(dir.path());
  EXPECT_EQ(tests::item_in(tar, "ping").entry.xattrs.at("security.capability"), capability);
}

}  // namespace
}  // namespace davit::oci
