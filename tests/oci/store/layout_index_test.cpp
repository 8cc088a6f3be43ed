#include "oci/store/layout_index.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/oci/store/images.hpp"

namespace davit::tests {
namespace {

using namespace oci;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

Descriptor document(const std::string& bytes) { return describe(media::oci_manifest, bytes); }

/// index.json with entries for documents of these bytes, each with its annotations or none.
std::string index_text(const std::vector<std::pair<std::string, Annotations>>& entries) {
  Index index{.media_type = std::string(media::oci_index)};
  for (const auto& [bytes, annotations] : entries) {
    index.manifests.push_back(document(bytes));
    index.manifests.back().annotations = annotations;
  }
  return to_json(index);
}

Annotations tagged(const std::string& tag) { return {{ref_name_annotation, tag}}; }

std::vector<Descriptor> entries_of(const std::string& text) {
  return parse_layout_index(text, "oci:x").manifests;
}

std::optional<Descriptor> find(const std::string& text, std::string_view wanted) {
  return find_entry(parse_layout_index(text, "oci:x"), wanted, "oci:x");
}

TEST(LayoutIndex, NewOneIsEmpty) { EXPECT_TRUE(entries_of(new_layout_index()).empty()); }

TEST(LayoutIndex, TakesNullAsNoManifests) {
  EXPECT_TRUE(entries_of(R"({"schemaVersion":2,"manifests":null})").empty());
}

TEST(LayoutIndex, AddsToNullManifests) {
  const std::string text =
      with_entry(R"({"schemaVersion":2,"manifests":null})", document("a"), "1", {}, "oci:x");
  EXPECT_EQ(find(text, "1")->digest, document("a").digest);
}

TEST(LayoutIndex, RefusesWhatIsNoIndex) {
  for (const char* text :
       {"", "[]", "{}", "null", R"({"schemaVersion":2})", R"({"schemaVersion":1,"manifests":[]})",
        R"({"schemaVersion":2,"manifests":{}})", R"({"schemaVersion":2,"manifests":[1]})",
        R"({"schemaVersion":2,"manifests":[],"manifests":[]})",
        R"({"schemaVersion":2,"manifests":[],"layers":[]})",
        R"({"schemaVersion":2,"config":{},"layers":[]})",
        R"({"schemaVersion":2,"manifests":[{"digest":"sha256:../../x","size":1}]})",
        R"({"schemaVersion":2,"manifests":[{"digest":"../../../etc/passwd","size":1}]})"}) {
    EXPECT_EQ(kind_thrown([&] { parse_layout_index(text, "oci:x"); }, "oci:x"), ErrorKind::corrupt)
        << text;
  }
}

TEST(LayoutIndex, RefusesASizeThatIsNone) {
  for (const char* size : {"-1", "1.5", "1e3", "\"7\"", "18446744073709551616"}) {
    const std::string text = R"({"schemaVersion":2,"manifests":[{"digest":")" +
                             document("a").digest.str() + R"(","size":)" + size + "}]}";
    EXPECT_EQ(kind_thrown([&] { parse_layout_index(text, "oci:x"); }), ErrorKind::corrupt) << size;
  }
}

TEST(LayoutIndex, RefusesNestingThatIsTooDeep) {
  const std::string text = R"({"schemaVersion":2,"manifests":[],"x":)" + std::string(5000, '[') +
                           std::string(5000, ']') + "}";
  EXPECT_EQ(kind_thrown([&] { parse_layout_index(text, "oci:x"); }, "deep"), ErrorKind::corrupt);
}

TEST(LayoutIndex, FindsShortAndFullNames) {
  const std::string text =
      index_text({{"a", tagged("1.2")}, {"b", tagged("docker.io/library/x:1.3")}});
  EXPECT_EQ(find(text, "1.2")->digest, document("a").digest);
  EXPECT_EQ(find(text, "1.3")->digest, document("b").digest);
  EXPECT_EQ(find(text, "docker.io/library/x:1.3")->digest, document("b").digest);
  EXPECT_FALSE(find(text, "3"));
  EXPECT_FALSE(find(text, "x:1.3"));
}

TEST(LayoutIndex, TakesAPortForNoTag) {
  EXPECT_FALSE(find(index_text({{"a", tagged("localhost:5000/x")}}), "5000/x"));
}

TEST(LayoutIndex, PrefersAWholeNameToAPart) {
  const std::string text = index_text({{"a", tagged("docker.io/library/x:1")}, {"b", tagged("1")}});
  EXPECT_EQ(find(text, "1")->digest, document("b").digest);
}

TEST(LayoutIndex, NamesTheFullNamesAmongWhichATagDoesNotDecide) {
  const std::string text = index_text({{"a", tagged("h/x:1")}, {"b", tagged("h/y:1")}});
  EXPECT_EQ(kind_thrown([&] { find(text, "1"); }, "h/x:1, h/y:1"), ErrorKind::usage);
}

TEST(LayoutIndex, GivesTheOnlyTaggedImageAmongOthersWithout) {
  const std::string text = index_text({{"a", {}}, {"b", tagged("1")}, {"c", {}}});
  EXPECT_EQ(find(text, "")->digest, document("b").digest);
}

TEST(LayoutIndex, NamesDigestsWhereThereAreNoTags) {
  const std::string text = index_text({{"a", {}}, {"b", {}}});
  EXPECT_EQ(kind_thrown([&] { find(text, ""); }, document("b").digest.str()), ErrorKind::usage);
}

TEST(LayoutIndex, CutsALongListShort) {
  std::vector<std::pair<std::string, Annotations>> entries;
  for (int i = 0; i < 50; ++i) entries.push_back({std::to_string(i), {}});
  EXPECT_EQ(kind_thrown([&] { find(index_text(entries), ""); }, "and 30 more"), ErrorKind::usage);
}

TEST(LayoutIndex, ShowsATagFromOutsideWithoutItsEscapes) {
  const std::string text = index_text({{"a", tagged("\x1b[2J")}, {"b", tagged("b")}});
  EXPECT_EQ(kind_thrown([&] { find(text, ""); }, "\\x1b[2J"), ErrorKind::usage);
}

TEST(LayoutIndex, KeepsMembersAndAnnotationsItDoesNotKnow) {
  const std::string text =
      R"({"schemaVersion":2,"x-tool":{"b":1,"a":[2]},"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":")" +
      document("a").digest.str() +
      R"(","size":1,"x-entry":true,"annotations":{"org.example":"kept"}}],"annotations":{"of":"index"}})";
  const std::string edited = with_entry(text, document("b"), "1", {}, "oci:x");
  EXPECT_THAT(edited, HasSubstr(R"("x-tool":{"b":1,"a":[2]})"));
  EXPECT_THAT(edited, HasSubstr(R"("x-entry":true,"annotations":{"org.example":"kept"})"));
  EXPECT_THAT(edited, HasSubstr(R"("annotations":{"of":"index"})"));
  EXPECT_EQ(entries_of(edited).size(), 2u);
  const std::string again = *without_entry(edited, "1", "oci:x");
  EXPECT_THAT(again, HasSubstr(R"("x-entry":true)"));
  EXPECT_EQ(entries_of(again).size(), 1u);
}

TEST(LayoutIndex, MovesATagInItsPlace) {
  const std::string text = index_text({{"a", tagged("1")}, {"b", tagged("2")}});
  const std::string edited = with_entry(text, document("c"), "1", {}, "oci:x");
  ASSERT_EQ(entries_of(edited).size(), 2u);
  EXPECT_EQ(entries_of(edited)[0].digest, document("c").digest);
  EXPECT_EQ(find(edited, "2")->digest, document("b").digest);
}

TEST(LayoutIndex, MovesATagThatStoodTwice) {
  const std::string text = index_text({{"a", tagged("1")}, {"b", tagged("1")}});
  const std::string edited = with_entry(text, document("c"), "1", {}, "oci:x");
  ASSERT_EQ(entries_of(edited).size(), 1u);
  EXPECT_EQ(find(edited, "1")->digest, document("c").digest);
}

TEST(LayoutIndex, GivesADocumentWithoutTagItsFirst) {
  const std::string text = with_entry(new_layout_index(), document("a"), "", {}, "oci:x");
  const std::string edited = with_entry(text, document("a"), "1", {}, "oci:x");
  EXPECT_EQ(entries_of(edited).size(), 1u);
  EXPECT_THAT(entry_tags(parse_layout_index(edited, "oci:x")), ElementsAre("1"));
}

TEST(LayoutIndex, GivesADocumentASecondTag) {
  const std::string text = index_text({{"a", tagged("1")}});
  const std::string edited = with_entry(text, document("a"), "2", {}, "oci:x");
  EXPECT_THAT(entry_tags(parse_layout_index(edited, "oci:x")), ElementsAre("1", "2"));
}

TEST(LayoutIndex, IsTheSameBytesWhenThereIsNothingToChange) {
  const std::string text = " " + index_text({{"a", tagged("1")}}) + "\n";
  EXPECT_EQ(with_entry(text, document("a"), "1", {}, "oci:x"), text);
  EXPECT_EQ(with_entry(text, document("a"), "", {}, "oci:x"), text);
}

TEST(LayoutIndex, DropsEntriesThatANewIndexLeadsTo) {
  const std::string text = index_text({{"a", {}}, {"b", tagged("1")}, {"c", {{"x", "y"}}}});
  const std::vector<Descriptor> children = {document("a"), document("b"), document("c")};
  const std::string edited = with_entry(text, document("new"), "", children, "oci:x");
  const std::vector<Descriptor> entries = entries_of(edited);
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_EQ(entries[0].digest, document("b").digest);
  EXPECT_EQ(entries[1].digest, document("c").digest);
  EXPECT_EQ(entries[2].digest, document("new").digest);
}

TEST(LayoutIndex, DoesNotTakeOverAnnotationsFromElsewhere) {
  Descriptor from_elsewhere = document("a");
  from_elsewhere.annotations = {{ref_name_annotation, "theirs"}, {"x", "y"}};
  from_elsewhere.data = "a";
  const std::string text = with_entry(new_layout_index(), from_elsewhere, "ours", {}, "oci:x");
  EXPECT_THAT(text, Not(HasSubstr("theirs")));
  EXPECT_THAT(text, Not(HasSubstr("data")));
  EXPECT_EQ(entries_of(text)[0].annotations, tagged("ours"));
}

TEST(LayoutIndex, RemovesAllEntriesOfADigest) {
  const std::string text =
      index_text({{"a", tagged("1")}, {"b", tagged("2")}, {"a", tagged("3")}, {"a", {}}});
  const auto edited = without_entry(text, document("a").digest.str(), "oci:x");
  ASSERT_TRUE(edited);
  EXPECT_EQ(entries_of(*edited).size(), 1u);
  EXPECT_FALSE(without_entry(*edited, "1", "oci:x"));
}

TEST(LayoutIndex, TakesTagsByTheGrammarOfRefNames) {
  for (const char* tag : {"1", "latest", "v1.2-rc_3", "a+b", "docker.io/library/x:1", "a@b"}) {
    EXPECT_NO_THROW(check_entry_tag(tag)) << tag;
  }
}

TEST(LayoutVersion, IsTheOneThereIs) {
  EXPECT_NO_THROW(check_layout_version(layout_version_text, "oci:x"));
  EXPECT_NO_THROW(check_layout_version(R"({"imageLayoutVersion":"1.0.0","more":1})", "oci:x"));
  EXPECT_EQ(kind_thrown([] { check_layout_version(R"({"imageLayoutVersion":"2.0.0"})", "oci:x"); },
                        "2.0.0"),
            ErrorKind::corrupt);
  for (const char* text : {"", "{}", "[]", "1.0.0", R"({"imageLayoutVersion":1})"}) {
    EXPECT_EQ(kind_thrown([&] { check_layout_version(text, "oci:x"); }, "oci:x: oci-layout"),
              ErrorKind::corrupt)
        << text;
  }
}

}  // namespace
}  // namespace davit::tests
