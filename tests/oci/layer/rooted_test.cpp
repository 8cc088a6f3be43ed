#include "oci/layer/rooted.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "oci/base/error.hpp"
#include "tests/oci/layer/tree_support.hpp"
#include "tests/support/errors.hpp"
#include "tests/support/temp_dir.hpp"

namespace davit::oci {
namespace {

namespace fs = std::filesystem;
using tests::kind_of;
using tests::TempDir;
using tests::write_file;

/// Both ways to keep a path inside must agree.
class Rooted : public testing::TestWithParam<OpenBeneath> {
 protected:
  Rooted() {
    fs::create_directories(dir / "root/a/b");
    write_file(dir / "root/file", "inside");
    write_file(dir / "outside/file", "outside");
  }

  RootedTree tree() const {
    return RootedTree(open_file(dir / "root", O_RDONLY | O_DIRECTORY), "DIR", GetParam());
  }

  /// Where a directory of the tree is, relative to its root.
  std::string where(const std::string& path) const {
    const Fd found = tree().directory(path);
    const fs::path real = fs::read_symlink("/proc/self/fd/" + std::to_string(found.get()));
    return real.lexically_relative(fs::canonical(dir / "root")).native();
  }

  void link(const std::string& target, const std::string& name) const {
    fs::create_symlink(target, dir / "root" / name);
  }

  const TempDir dir;
};

TEST_P(Rooted, OpensWhatIsThere) {
  EXPECT_EQ(where(""), ".");
  EXPECT_EQ(where("a/b"), "a/b");
}

TEST_P(Rooted, FollowsNoLinks) {
  link("a", "inside");
  link("../outside", "out");
  link("/", "root");
  for (const char* path : {"inside", "inside/b", "out", "root", "root/etc"}) {
    EXPECT_TRUE(kind_of([&] { where(path); })) << path;
  }
}

TEST_P(Rooted, TakesNoFileForADirectory) {
  EXPECT_TRUE(kind_of([&] { where("file"); }));
  EXPECT_TRUE(kind_of([&] { where("file/below"); }));
  EXPECT_EQ(kind_of([&] { where("absent"); }), ErrorKind::failed);
}

TEST_P(Rooted, RemovesWhatIsBeneathWithoutFollowingLinks) {
  link("../outside", "a/out");
  link("/etc", "a/b/etc");
  const RootedTree rooted = tree();
  rooted.remove(rooted.root(), "a", "a");
  EXPECT_FALSE(fs::exists(dir / "root/a"));
  EXPECT_TRUE(fs::exists(dir / "outside/file"));
}

TEST_P(Rooted, RemovingWhatIsNotThereIsNothing) {
  const RootedTree rooted = tree();
  rooted.remove(rooted.root(), "absent", "absent");
}

TEST_P(Rooted, RemovesDirectoriesWithNumbersForNames) {
  for (int i = 0; i < 4; ++i) {
    const std::string number = std::to_string(i);
    write_file(dir / ("root/a/" + number + "/0/1/2/file"), "");
    write_file(dir / ("root/a/x/" + number + "/0"), "");
  }
  const RootedTree rooted = tree();
  rooted.clear(rooted.root(), "");
  EXPECT_TRUE(fs::is_empty(dir / "root"));
  EXPECT_TRUE(rooted.is_empty(rooted.root(), ""));
}

TEST_P(Rooted, RemovesMoreLevelsThanThereAreDescriptors) {
  Fd here = open_file(dir / "root/a", O_RDONLY | O_DIRECTORY);
  for (int i = 0; i < 200; ++i) {
    ASSERT_EQ(::mkdirat(here.get(), "d", 0700), 0);
    here = Fd(::openat(here.get(), "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_TRUE(here);
  }
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit few = before;
  few.rlim_cur = 100;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  const RootedTree rooted = tree();
  rooted.remove(rooted.root(), "a", "a");
  EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_FALSE(fs::exists(dir / "root/a"));
}

TEST_P(Rooted, RemovesWhatIsClosedToItsOwner) {
  write_file(dir / "root/a/b/c/d/file", "");
  for (const char* name : {"a/b/c/d", "a/b/c", "a/b", "a"}) {
    fs::permissions(dir / "root" / name, fs::perms(0), fs::perm_options::replace);
    if (tests::is_root()) ::chown((dir / "root" / name).c_str(), 65534, 65534);
  }
  fs::permissions(dir / "root", fs::perms(0777), fs::perm_options::replace);
  const RootedTree rooted = tree();
  {
    const tests::WithoutRoot person;
    rooted.remove(rooted.root(), "a", "a");
  }
  EXPECT_FALSE(fs::exists(dir / "root/a"));
}

INSTANTIATE_TEST_SUITE_P(Ways, Rooted, testing::Values(OpenBeneath::best, OpenBeneath::names));

}  // namespace
}  // namespace davit::oci
