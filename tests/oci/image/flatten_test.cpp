#include "oci/image/flatten.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "oci/image/difference.hpp"
#include "oci/image/image_files.hpp"
#include "oci/store/memory.hpp"
#include "tests/oci/image/image_trees.hpp"
#include "tests/support/errors.hpp"

namespace davit::oci {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using tests::kind_of;
using tests::RandomLayer;
using tests::TarItem;

TarItem made(EntryType type, const std::string& path, const std::string& text = "") {
  TarItem item;
  item.entry.type = type;
  item.entry.path = path;
  item.entry.mode = 0755;
  if (type == EntryType::file) {
    item.data = text;
    item.entry.size = text.size();
  } else {
    item.entry.link_target = text;
  }
  return item;
}
TarItem file(const std::string& path, const std::string& data = "") {
  return made(EntryType::file, path, data);
}
TarItem directory(const std::string& path) { return made(EntryType::directory, path); }
TarItem symlink(const std::string& path, const std::string& to) {
  return made(EntryType::symlink, path, to);
}
TarItem hardlink(const std::string& path, const std::string& to) {
  return made(EntryType::hardlink, path, to);
}

class Flatten : public testing::Test {
 protected:
  ImageLayers image(const std::vector<RandomLayer>& layers) {
    return tests::image_of(*store, layers);
  }

  std::vector<TarItem> flat(const std::vector<RandomLayer>& layers) {
    std::string tar;
    FunctionSink sink([&](Bytes bytes) { tar.append(text_of(bytes)); });
    export_tar({}, image(layers), {}, sink);
    return tests::parse_tar(tar);
  }

  /// The names in the order of the tar; "a=text", "b->a" for links of both kinds.
  std::vector<std::string> names(const std::vector<RandomLayer>& layers) {
    std::vector<std::string> found;
    for (const auto& [entry, data] : flat(layers)) {
      std::string text = entry.path;
      if (!entry.link_target.empty()) text += "->" + entry.link_target;
      if (!data.empty()) text += "=" + data;
      found.push_back(text);
    }
    return found;
  }

  std::string cat(const std::vector<RandomLayer>& layers, const std::string& path) {
    StringSink out(1000, "file");
    read_image_file({}, image(layers), {}, path, out);
    return out.text();
  }

  std::vector<std::string> files(const std::vector<RandomLayer>& layers, const std::string& path) {
    std::vector<std::string> found;
    ImageFiles({}, image(layers), {}, Contents::passed_over)
        .visit(path, [&](const ImageFile& file) { found.push_back(file.entry.path); });
    return found;
  }

  std::vector<std::string> changes(const std::vector<RandomLayer>& before,
                                   const std::vector<RandomLayer>& after) {
    std::vector<std::string> found;
    const Difference difference({}, image(before), image(after), {});
    const auto add = [&](const char* mark) {
      return [&found, mark](const FileChange& change) { found.push_back(mark + change.path); };
    };
    difference.visit(ChangeKind::removed, add("-"));
    difference.visit(ChangeKind::changed, add("*"));
    difference.visit(ChangeKind::added, add("+"));
    return found;
  }

  const std::unique_ptr<Store> store = make_memory_store("memory");
};

TEST_F(Flatten, KeepsTheOrderOfALayer) {
  EXPECT_THAT(names({{directory("b"), file("b/x", "1"), hardlink("c", "b/x"), directory("a")}}),
              ElementsAre("b", "b/x=1", "c->b/x", "a"));
}

TEST_F(Flatten, WritesWhatALaterLayerLeftOnce) {
  EXPECT_THAT(names({{file("a", "1"), file("b", "1")}, {file("a", "2"), file(".wh.b")}}),
              ElementsAre("a=2"));
  EXPECT_THAT(names({{file("a", "first"), file("a", "second")}}), ElementsAre("a=second"));
}

TEST_F(Flatten, PutsADirectoryAtTheEndWhereWhatIsInItDoesNotStandTogether) {
  EXPECT_THAT(names({{directory("a"), file("a/x", "1"), directory("b"), file("b/x", "1")},
                     {directory("a"), file("a/y", "2")}}),
              ElementsAre("a/x=1", "b", "b/x=1", "a/y=2", "a"));
}

TEST_F(Flatten, WritesTheDirectoriesThatNoEntryIsOf) {
  EXPECT_THAT(names({{file("a/b/c", "1")}}), ElementsAre("a", "a/b", "a/b/c=1"));
}

TEST_F(Flatten, GivesTheContentAnotherNameWhenTheFirstIsGone) {
  EXPECT_THAT(names({{file("a", "1"), hardlink("b", "a"), hardlink("c", "a")}, {file("a", "2")}}),
              ElementsAre("b=1", "c->b", "a=2"));
}

TEST_F(Flatten, KeepsExtendedAttributes) {
  TarItem item = file("a/b", "1");
  TarItem above = directory("a");
  item.entry.xattrs["user.x"] = "file";
  above.entry.xattrs["user.x"] = "directory";
  const auto found = flat({{item}, {above}});
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].entry.xattrs.at("user.x"), "directory");
  EXPECT_EQ(found[1].entry.xattrs.at("user.x"), "file");
}

TEST_F(Flatten, ReadsAFileThroughLinksOfAllLayers) {
  const std::vector<RandomLayer> layers = {
      {directory("usr/lib"), file("usr/lib/a", "1"), symlink("lib", "usr/lib")},
      {file("lib/a", "2"), symlink("abs", "/lib/a")}};
  EXPECT_EQ(cat(layers, "lib/a"), "2");
  EXPECT_EQ(cat(layers, "/usr/../abs"), "2");
  EXPECT_EQ(kind_of([&] { cat(layers, "none"); }), ErrorKind::not_found);
  EXPECT_EQ(kind_of([&] { cat(layers, "usr"); }), ErrorKind::usage);
}

TEST_F(Flatten, ReadsWhatAHardLinkMeant) {
  EXPECT_EQ(cat({{file("a", "old"), hardlink("b", "a")}, {file("a", "new")}}, "b"), "old");
}

TEST_F(Flatten, ListsWhatIsBeneathAPath) {
  const std::vector<RandomLayer> layers = {
      {directory("."), file("usr/lib/a"), file("usr/b"), symlink("lib", "usr/lib")}};
  EXPECT_THAT(files(layers, ""), ElementsAre(".", "lib", "usr", "usr/b", "usr/lib", "usr/lib/a"));
  EXPECT_THAT(files(layers, "/lib/a"), ElementsAre("usr/lib/a"));
  EXPECT_THAT(files(layers, "lib"), ElementsAre("lib"));
  EXPECT_EQ(kind_of([&] { files(layers, "none"); }), ErrorKind::not_found);
}

TEST_F(Flatten, SaysHowImagesDiffer) {
  TarItem later = directory("d");
  later.entry.mtime = 77;
  TarItem marked = file("m", "1");
  marked.entry.xattrs["user.x"] = "y";
  const std::vector<RandomLayer> before = {
      {directory("d"), file("d/a", "1"), file("d/a-b", "1"), file("gone"), file("m", "1")}};
  const std::vector<RandomLayer> after = {
      {later, file("d/a", "2"), file("d/a-b", "1"), file("d/new"), marked}};
  EXPECT_THAT(changes(before, after), ElementsAre("-gone", "*d/a", "*m", "+d/new"));
  EXPECT_THAT(changes(before, before), IsEmpty());
}

}  // namespace
}  // namespace davit::oci
