#include "oci/layer/overlay.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "oci/base/error.hpp"
#include "tests/support/errors.hpp"

namespace davit::oci {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using tests::error_of;
using tests::kind_of;

/// An entry by a letter for its kind: d, f, s and l for links, with the target after an arrow.
/// "f a" and "f a 5" (its size), "s a -> b".
TarEntry made(const std::string& text) {
  TarEntry entry;
  const std::string rest = text.substr(2);
  const auto arrow = rest.find(" -> ");
  entry.path = rest.substr(0, arrow);
  if (arrow != std::string::npos) entry.link_target = rest.substr(arrow + 4);
  switch (text.front()) {
    case 'd':
      entry.type = EntryType::directory;
      break;
    case 's':
      entry.type = EntryType::symlink;
      break;
    case 'l':
      entry.type = EntryType::hardlink;
      break;
    default:
      if (const auto space = entry.path.rfind(' '); space != std::string::npos) {
        entry.size = std::stoull(entry.path.substr(space));
        entry.path.resize(space);
      }
      break;
  }
  return entry;
}

using Layer = std::vector<std::string>;

void apply(Overlay& files, const std::vector<Layer>& layers) {
  for (const Layer& layer : layers) {
    files.begin_layer("test.tar");
    for (const std::string& text : layer) files.apply(made(text));
  }
  files.settle();
}

/// All that is there in the end: "a/", "b 5", "c -> b", "d = b".
std::vector<std::string> list(const Overlay& files) {
  std::vector<std::string> found;
  files.visit(root_node, [&](Node node, const std::string& path) {
    if (node == root_node) return;
    const TarEntry entry = files.entry(node, path);
    std::string text = path;
    if (entry.type == EntryType::directory) text += "/";
    if (entry.type == EntryType::symlink) text += " -> " + entry.link_target;
    if (entry.type == EntryType::hardlink) text += " = " + entry.link_target;
    if (entry.type == EntryType::file) text += " " + std::to_string(entry.size);
    found.push_back(text);
  });
  return found;
}

std::vector<std::string> tree(const std::vector<Layer>& layers) {
  Overlay files;
  apply(files, layers);
  return list(files);
}

std::optional<Error> failure(const std::vector<Layer>& layers) {
  return error_of([&] { tree(layers); });
}

TEST(Overlay, GivesNamesInOrderWithWhatIsInADirectoryAfterIt) {
  EXPECT_THAT(tree({{"f b/y 1", "f a-1 2", "d a", "f a/x 3", "d c"}}),
              ElementsAre("a/", "a/x 3", "a-1 2", "b/", "b/y 1", "c/"));
}

TEST(Overlay, TakesTheLastEntryOfAName) {
  EXPECT_THAT(tree({{"f a 1", "f a 2"}}), ElementsAre("a 2"));
  EXPECT_THAT(tree({{"f a 1"}, {"f a 2"}, {"f a 3"}}), ElementsAre("a 3"));
  EXPECT_THAT(tree({{"f a 1", "d a", "f a/b 1", "s a -> x"}}), ElementsAre("a -> x"));
}

TEST(Overlay, KeepsADirectoryForADirectoryAlone) {
  EXPECT_THAT(tree({{"d a", "f a/b 1"}, {"d a"}}), ElementsAre("a/", "a/b 1"));
  EXPECT_THAT(tree({{"d a", "d a/b", "f a/b/c 1"}, {"f a 2"}}), ElementsAre("a 2"));
  EXPECT_THAT(tree({{"d a", "f a/b 1"}, {"f a 2"}, {"d a"}}), ElementsAre("a/"));
}

TEST(Overlay, PutsWhatLiesBeneathALinkWhereItLeads) {
  const Layer lower = {"d usr", "d usr/lib", "f usr/lib/a 1", "s lib -> usr/lib"};
  EXPECT_THAT(tree({lower, {"f lib/a 2", "f lib/b 3"}}),
              ElementsAre("lib -> usr/lib", "usr/", "usr/lib/", "usr/lib/a 2", "usr/lib/b 3"));
  EXPECT_THAT(tree({{"s l -> m/../n", "s n -> /o", "f l/x 1"}}),
              ElementsAre("l -> m/../n", "m/", "n -> /o", "o/", "o/x 1"));
  EXPECT_THAT(tree({{"s up -> ../../..", "f up/a 1"}}), ElementsAre("a 1", "up -> ../../.."));
}

TEST(Overlay, PutsADirectoryInPlaceOfALinkToOne) {
  EXPECT_THAT(tree({{"d b", "f b/x 1", "s a -> b"}, {"d a", "f a/y 2"}}),
              ElementsAre("a/", "a/y 2", "b/", "b/x 1"));
}

TEST(Overlay, RemovesByWhiteoutsWhatLowerLayersBrought) {
  EXPECT_THAT(tree({{"f a 1", "d b", "f b/c 1"}, {"f .wh.a", "f .wh.b", "f .wh.none"}}), IsEmpty());
  EXPECT_THAT(tree({{"f a 1"}, {"f a 2", "f .wh.a"}}), ElementsAre("a 2"));
  EXPECT_THAT(tree({{"d a", "f a/old 1", "d a/s", "f a/s/old 1"}, {"f a/s/new 2", "f .wh.a"}}),
              ElementsAre("a/", "a/s/", "a/s/new 2"));
}

TEST(Overlay, SparesWhatItsLayerBroughtIntoDirectoriesThatNoEntryIsOf) {
  EXPECT_THAT(tree({{"d a", "f a/old 1"}, {"f a/b/c/new 2", "f .wh.a"}}),
              ElementsAre("a/", "a/b/", "a/b/c/", "a/b/c/new 2"));
}

TEST(Overlay, RemovesByOpaqueMarksWhereverTheyStand) {
  const Layer lower = {"d a", "f a/old 1", "d a/s", "f a/s/old 1"};
  for (const Layer& upper :
       {Layer{"f a/.wh..wh..opq", "f a/s/new 2"}, Layer{"f a/s/new 2", "f a/.wh..wh..opq"}}) {
    EXPECT_THAT(tree({lower, upper}), ElementsAre("a/", "a/s/", "a/s/new 2"));
  }
  EXPECT_THAT(tree({lower, {"f .wh..wh..opq", "f b 1"}}), ElementsAre("b 1"));
}

TEST(Overlay, FollowsLinksToWhatAWhiteoutNames) {
  const Layer lower = {"d r", "f r/a 1", "f r/b 1", "s l -> r"};
  EXPECT_THAT(tree({lower, {"f l/.wh.a"}}), ElementsAre("l -> r", "r/", "r/b 1"));
  EXPECT_THAT(tree({lower, {"f l/c 1", "f l/.wh..wh..opq"}}), ElementsAre("l -> r", "r/", "r/c 1"));
  EXPECT_THAT(tree({lower, {"f l/c 1", "f .wh.l"}}), ElementsAre("r/", "r/a 1", "r/b 1", "r/c 1"));
}

TEST(Overlay, DoesNotMindWhiteoutsOfWhatIsNotThere) {
  EXPECT_THAT(tree({{"f etc 1", "f etc/.wh.x", "f no/such/.wh.x", "f no/.wh..wh..opq"}}),
              ElementsAre("etc 1"));
  EXPECT_THAT(tree({{"s a -> b", "s b -> a", "f a/.wh.x"}}), ElementsAre("a -> b", "b -> a"));
}

TEST(Overlay, LetsAHardLinkKeepWhatItMeant) {
  EXPECT_THAT(tree({{"f a 1", "l b -> a"}, {"f a 2"}}), ElementsAre("a 2", "b 1"));
  EXPECT_THAT(tree({{"f a 1", "l c -> a", "l b -> c"}, {"f .wh.a"}}), ElementsAre("b = c", "c 1"));
  EXPECT_THAT(tree({{"f a 1"}, {"l b -> a"}}), ElementsAre("a 1", "b = a"));
  EXPECT_THAT(tree({{"f a 1", "l b -> a"}, {"f a 2", "l b -> a"}}), ElementsAre("a 2", "b = a"));
}

TEST(Overlay, FindsAHardLinksTargetThroughLinks) {
  EXPECT_THAT(tree({{"d u", "f u/a 1", "s v -> u", "l x -> v/a"}}),
              ElementsAre("u/", "u/a 1", "v -> u", "x = u/a"));
  EXPECT_THAT(tree({{"s a -> anywhere", "l b -> a"}}), ElementsAre("a -> anywhere", "b = a"));
}

TEST(Overlay, RefusesHardLinksToWhatIsNoFile) {
  for (const Layer& layer :
       {Layer{"l a -> none"}, Layer{"d d", "l a -> d"}, Layer{"f a 1", "l a -> a"},
        Layer{"l a -> /"}, Layer{"d d", "f d/a 1", "l d -> d/a"},
        Layer{"d u", "f u/a 1", "s v -> u", "l v/a -> u/a"},
        Layer{"s p -> no/../etc", "d etc", "f etc/f 1", "l x -> p/f"}}) {
    EXPECT_EQ(failure({layer})->kind(), ErrorKind::corrupt) << layer.back();
  }
  EXPECT_THAT(failure({{"l a -> none"}})->what(), HasSubstr("test.tar: a: a hard link to none"));
}

TEST(Overlay, RefusesEntriesBeneathWhatIsNoDirectory) {
  EXPECT_THAT(failure({{"f a 1", "f a/b 1"}})->what(), HasSubstr("'a' is no directory"));
  EXPECT_THAT(failure({{"s a -> a", "f a/b 1"}})->what(), HasSubstr("too many symbolic links"));
}

TEST(Overlay, PassesOverEntriesThatMeanNothing) {
  EXPECT_THAT(tree({{"f ", "s . -> a", "d .wh..wh.plnk", "f .wh..wh.plnk/1 1", "f .wh..wh.aufs"}}),
              IsEmpty());
}

TEST(Overlay, ForgetsWhatADirectoryHadWhenItIsMadeAgain) {
  Overlay files;
  files.begin_layer();
  TarEntry closed = made("d a");
  closed.mode = 0700;
  closed.xattrs["user.a"] = "b";
  files.apply(closed);
  files.begin_layer();
  files.apply(made("f .wh.a"));
  files.begin_layer();
  files.apply(made("f a/b 1"));
  const Node node = files.find("a", Overlay::Last::itself);
  EXPECT_EQ(files[node].mode, 0755);
  EXPECT_TRUE(files[node].is_implied);
  EXPECT_THAT(files.entry(node, "a").xattrs, IsEmpty());
}

TEST(Overlay, FindsByPathsThatPeopleWrite) {
  Overlay files;
  apply(files, {{"d usr", "d usr/lib", "f usr/lib/a 1", "s lib -> /usr/lib", "s a -> lib/a"}});
  EXPECT_EQ(files.path(files.find("/lib/../lib//a", Overlay::Last::followed)), "usr/lib/a");
  EXPECT_EQ(files.path(files.find("a", Overlay::Last::followed)), "usr/lib/a");
  EXPECT_EQ(files.path(files.find("a", Overlay::Last::itself)), "a");
  EXPECT_EQ(files.find("", Overlay::Last::itself), root_node);
  EXPECT_EQ(files.find("a/b", Overlay::Last::itself), no_node);
  EXPECT_EQ(files.find("none", Overlay::Last::followed), no_node);
}

TEST(Overlay, TellsWhatGoesAndWhatIsImplied) {
  struct Told final : OverlayChanges {
    void removes(Node node) override { lines.push_back("- " + files->path(node)); }
    void implied(Node node) override { lines.push_back("+ " + files->path(node)); }
    const Overlay* files = nullptr;
    std::vector<std::string> lines;
  } told;
  Overlay files(&told);
  told.files = &files;
  apply(files, {{"f a/b/c 1", "f a/b/d 1", "f e 1"}, {"f a/b/x 1", "f a/b/.wh..wh..opq", "f e 2"}});
  EXPECT_THAT(told.lines,
              testing::UnorderedElementsAre("+ a", "+ a/b", "- a/b/c", "- a/b/d", "- e"));
}

TEST(Overlay, CountsEntriesAndTheDirectoriesThatTheyImply) {
  const auto count = [](std::uint64_t limit) {
    Overlay files(nullptr, limit);
    apply(files, {{"f a/b/c 1", "f a/b/d 1"}});
  };
  count(4);
  EXPECT_EQ(kind_of([&] { count(3); }), ErrorKind::refused);
}

TEST(Overlay, RefusesSmallLayersThatNeedMuchMemory) {
  const auto deep = [](const std::string& name) {
    std::string path = "f " + name;
    while (path.size() + 2 < path_size_limit) path += "/a";
    return path;
  };
  Layer layer;
  for (int i = 0; i < 40; ++i) layer.push_back(deep(std::to_string(i)));
  EXPECT_EQ(failure({layer})->kind(), ErrorKind::refused);

  Overlay files;
  files.begin_layer();
  TarEntry large = made("d a");
  large.xattrs["user.a"] = std::string(1 * MiB, 'x');
  const auto fill = [&] {
    for (int i = 0; i < 40; ++i) {
      large.path = std::to_string(i);
      files.apply(large);
    }
  };
  EXPECT_EQ(kind_of(fill), ErrorKind::refused);
}

TEST(Overlay, RefusesLevelsThatNoPathReaches) {
  // Each link leads to the end of a long path, and the next path begins there.
  std::string path;
  while (path.size() < path_size_limit - 100) path += "d/";
  const Layer layer = {"d " + path, "s link -> " + path, "d link/" + path};
  EXPECT_THAT(failure({layer})->what(), HasSubstr("too long"));
}

TEST(Overlay, RefusesNamesThatTheKernelDoesNotTake) {
  for (const std::string& name : {std::string(256, 'x'), std::string("../a"),
                                  std::string("a/../.."), std::string(5000, '/')}) {
    EXPECT_EQ(failure({{"f " + name}})->kind(), ErrorKind::corrupt) << name;
    EXPECT_EQ(failure({{"l a -> " + name}})->kind(), ErrorKind::corrupt) << name;
  }
  EXPECT_EQ(failure({{"s a -> " + std::string(5000, 'x')}})->kind(), ErrorKind::corrupt);
  EXPECT_EQ(failure({{"s a -> " + std::string(256, 'x'), "f a/b"}})->kind(), ErrorKind::corrupt);
}

}  // namespace
}  // namespace davit::oci
