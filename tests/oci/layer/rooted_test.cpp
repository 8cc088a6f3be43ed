#include "oci/layer/rooted.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>

#include "oci/base/error.hpp"
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

TEST_P(Rooted, FindsWhatIsThere) {
  EXPECT_EQ(where(""), ".");
  EXPECT_EQ(where("a/b"), "a/b");
  EXPECT_EQ(where("a/./b"), "a/b");
}

TEST_P(Rooted, MakesWhatIsMissing) {
  EXPECT_EQ(where("a/x/y"), "a/x/y");
  EXPECT_TRUE(fs::is_directory(dir / "root/a/x/y"));
}

TEST_P(Rooted, FollowsLinksInside) {
  link("a", "relative");
  link("/a/b", "absolute");
  link("../..", "a/up");
  EXPECT_EQ(where("relative/b"), "a/b");
  EXPECT_EQ(where("absolute"), "a/b");
  EXPECT_EQ(where("a/up/a"), "a");
}

TEST_P(Rooted, NeverLeavesByLinks) {
  link("../outside", "out");
  link("/../../../../etc", "leak");
  link(fs::canonical(dir / "outside").native(), "absolute");
  EXPECT_EQ(where("out"), "outside");
  EXPECT_EQ(where("leak"), "etc");
  EXPECT_FALSE(where("absolute").starts_with(".."));
  EXPECT_FALSE(fs::exists(dir / "outside/new"));
}

TEST_P(Rooted, MakesDirectoriesWhereADanglingLinkLeads) {
  link("/run/lock", "lock");
  EXPECT_EQ(where("lock/sub"), "run/lock/sub");
}

TEST_P(Rooted, DoesNotFollowLinksForEver) {
  link("two", "one");
  link("one", "two");
  EXPECT_EQ(kind_of([&] { where("one"); }), ErrorKind::corrupt);
}

TEST_P(Rooted, TakesNoFileForADirectory) {
  EXPECT_EQ(kind_of([&] { where("file"); }), ErrorKind::corrupt);
  EXPECT_EQ(kind_of([&] { where("file/below"); }), ErrorKind::corrupt);
}

TEST_P(Rooted, FindsWithoutMaking) {
  EXPECT_TRUE(tree().find("a/b"));
  EXPECT_FALSE(tree().find("a/x"));
  EXPECT_FALSE(tree().find("a/x/y"));
  EXPECT_FALSE(fs::exists(dir / "root/a/x"));
}

TEST_P(Rooted, RemovesWhatIsBeneathWithoutFollowingLinks) {
  link("../outside", "a/out");
  link("/etc", "a/b/etc");
  const RootedTree rooted = tree();
  EXPECT_TRUE(rooted.remove(rooted.root(), "a", "a"));
  EXPECT_FALSE(fs::exists(dir / "root/a"));
  EXPECT_TRUE(fs::exists(dir / "outside/file"));
}

TEST_P(Rooted, SparesWhatItIsToldAndTheDirectoriesAboveIt) {
  write_file(dir / "root/a/b/keep", "");
  write_file(dir / "root/a/b/drop", "");
  write_file(dir / "root/a/c/drop", "");
  const RootedTree rooted = tree();
  const auto spare = [](const std::string& path) { return path == "a/b/keep" || path == "a/b"; };
  EXPECT_FALSE(rooted.remove(rooted.root(), "a", "a", spare));
  EXPECT_TRUE(fs::exists(dir / "root/a/b/keep"));
  EXPECT_FALSE(fs::exists(dir / "root/a/b/drop"));
  EXPECT_FALSE(fs::exists(dir / "root/a/c"));
}

TEST_P(Rooted, RemovingWhatIsNotThereIsNothing) {
  const RootedTree rooted = tree();
  EXPECT_TRUE(rooted.remove(rooted.root(), "absent", "absent"));
}

INSTANTIATE_TEST_SUITE_P(Ways, Rooted, testing::Values(OpenBeneath::best, OpenBeneath::names));

}  // namespace
}  // namespace davit::oci
