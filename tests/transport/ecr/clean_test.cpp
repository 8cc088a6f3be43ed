#include "transport/ecr/clean.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "oci/model/media_type.hpp"
#include "tests/support/fake_ecr.hpp"

namespace davit::transport::ecr {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

std::string digest_of(char letter) { return "sha256:" + std::string(64, letter); }

/// Images by letters, each pushed a second before the one that was added before it.
class CleanTest : public testing::Test {
 protected:
  Image& add(char letter, std::vector<std::string> tags = {},
             std::string_view type = oci::media::oci_manifest) {
    Image image;
    image.digest = digest_of(letter);
    image.tags = std::move(tags);
    image.media_type = type;
    image.pushed = 1'000'000 - static_cast<std::int64_t>(images_.size());
    images_.push_back(std::move(image));
    return images_.back();
  }

  void add_index(char letter, const std::string& children, std::vector<std::string> tags = {}) {
    add(letter, std::move(tags), oci::media::oci_index);
    for (const char child : children) links_.children[digest_of(letter)].insert(digest_of(child));
  }

  /// The letters of what goes, in order.
  std::vector<char> gone(const CleanRules& rules = {}) {
    std::vector<char> letters;
    for (const Image& image : plan_clean(images_, links_, rules)) {
      letters.push_back(image.digest.back());
    }
    return letters;
  }

  std::vector<Image> images_;
  Links links_;
};

CleanRules all_but(std::vector<std::string> keep) {
  CleanRules rules;
  rules.which = CleanRules::Which::all;
  rules.keep = std::move(keep);
  return rules;
}

TEST_F(CleanTest, WhatHasNoTagGoes) {
  add('a', {"1"});
  add('b');
  EXPECT_THAT(gone(), ElementsAre('b'));
}

TEST_F(CleanTest, WhatHasATagStaysThoughAnIndexWithoutOneListsIt) {
  add('a', {"amd64"});
  add('b', {"arm64"});
  add_index('c', "ab");
  EXPECT_THAT(gone(), ElementsAre('c'));
}

TEST_F(CleanTest, WhatIsNamedStaysThoughAnIndexThatGoesListsIt) {
  add('a', {"amd64"});
  add('b', {"arm64"});
  add_index('c', "ab", {"all"});
  EXPECT_THAT(gone(all_but({"amd64"})), ElementsAre('c', 'b'));
  EXPECT_THAT(gone(all_but({digest_of('b')})), ElementsAre('c', 'a'));
}

TEST_F(CleanTest, WhatHasATagStaysThoughItRefersToAnImageThatGoes) {
  add('a');
  add('b', {"signature"}).subject = digest_of('e');
  EXPECT_THAT(gone(), ElementsAre('a'));
}

TEST_F(CleanTest, AnIndexKeepsWhatItListsAtAnyDepth) {
  add('a');
  add_index('b', "a");
  add_index('c', "b");
  add_index('d', "c", {"1"});
  EXPECT_THAT(gone(), IsEmpty());
}

TEST_F(CleanTest, ACircleOfIndexesComesToAnEnd) {
  add_index('a', "b", {"1"});
  add_index('b', "a");
  add('c').subject = digest_of('d');
  add('d').subject = digest_of('c');
  EXPECT_THAT(gone(), UnorderedElementsAre('c', 'd'));
  EXPECT_THAT(gone(all_but({digest_of('c')})), UnorderedElementsAre('a', 'b'));
}

TEST_F(CleanTest, AnImageKeepsWhatRefersToIt) {
  add('a', {"1"});
  add('b').subject = digest_of('a');
  add('c').subject = digest_of('b');
  EXPECT_THAT(gone(), IsEmpty());
}

TEST_F(CleanTest, AKeptReferrerKeepsWhatItRefersTo) {
  add('a');
  add('b').subject = digest_of('a');
  add('c', {"sbom"}).subject = digest_of('b');
  EXPECT_THAT(gone(), IsEmpty());
}

TEST_F(CleanTest, ReferrersGoWithWhatTheyReferTo) {
  add('a');
  add('b').subject = digest_of('a');
  EXPECT_THAT(gone(), UnorderedElementsAre('a', 'b'));
}

TEST_F(CleanTest, AnImageKeepsTheSignaturesThatAreFoundByTheirTags) {
  add('a', {"1"});
  add('b', {"2"});
  add('c', {"sha256-" + std::string(64, 'a') + ".sig"});
  add('d', {"sha256-" + std::string(64, 'b') + ".sig"});
  add_index('e', "f", {"sha256-" + std::string(64, 'a')});
  add('f').subject = digest_of('a');
  EXPECT_THAT(gone(all_but({"1"})), UnorderedElementsAre('b', 'd'));
}

TEST_F(CleanTest, SuchSignaturesAreNotAmongTheNewestImages) {
  add('a', {"sha256-" + std::string(64, 'b') + ".sig"});
  add('b', {"2"});
  add('c', {"1"});
  CleanRules rules = all_but({});
  rules.keep_last = 1;
  EXPECT_THAT(gone(rules), ElementsAre('c'));
}

TEST_F(CleanTest, TheNewestTaggedImagesStay) {
  add('a');
  add('b', {"3"});
  add('c', {"2"});
  add('d', {"1"});
  CleanRules rules = all_but({});
  rules.keep_last = 2;
  EXPECT_THAT(gone(rules), ElementsAre('a', 'd'));
}

TEST_F(CleanTest, YoungImagesStayWhateverTheyBelongTo) {
  add('a').subject = digest_of('e');
  add('b');
  add_index('c', "b");
  CleanRules rules;
  rules.older_than = images_[1].pushed;
  EXPECT_THAT(gone(rules), ElementsAre('c'));
}

TEST_F(CleanTest, WhatCannotBeReadStaysWithWhatItMayList) {
  add('a');
  add('b');
  add('c', {}, "application/vnd.docker.distribution.manifest.v1+prettyjws");
  links_.unreadable.insert(digest_of('c'));
  links_.children[digest_of('c')].insert(digest_of('a'));
  EXPECT_THAT(gone(all_but({"none"})), ElementsAre('b'));
}

TEST_F(CleanTest, AnIndexGoesBeforeWhatItLists) {
  add('a');
  add_index('b', "a");
  EXPECT_THAT(gone(), ElementsAre('b', 'a'));
}

TEST_F(CleanTest, APatternStandsForAnyCharacters) {
  add('a', {"release-1"});
  add('b', {"release"});
  add('c', {"v1-release-x"});
  add('d', {std::string(128, 'a')});
  EXPECT_THAT(gone(all_but({"release-*"})), ElementsAre('b', 'c', 'd'));
  EXPECT_THAT(gone(all_but({"*release*"})), ElementsAre('d'));
  EXPECT_THAT(gone(all_but({"v*-*x", "release"})), ElementsAre('a', 'd'));
  // Many stars are not many ways.
  EXPECT_THAT(gone(all_but({"*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b"})), ElementsAre('a', 'b', 'c', 'd'));
  EXPECT_THAT(gone(all_but({"*"})), IsEmpty());
}

TEST_F(CleanTest, OnlyWhatMayBeAnIndexIsRead) {
  tests::FakeEcr ecr;
  ecr.on("BatchGetImage", R"({"images":[
    {"imageId":{"imageDigest":")" +
                              digest_of('b') + R"("},
     "imageManifestMediaType":"application/vnd.oci.image.index.v1+json",
     "imageManifest":"{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"size\":1,\"digest\":\")" +
                              digest_of('a') + R"(\"}]}"},
    {"imageId":{"imageDigest":")" +
                              digest_of('c') + R"("},
     "imageManifest":"{\"schemaVersion\":1,\"blobSum\":\")" +
                              digest_of('d') + R"(\"}"}]})");
  add('a');
  add('b', {}, oci::media::oci_index);
  add('c', {}, "application/vnd.docker.distribution.manifest.v1+prettyjws");
  add('e', {}, oci::media::docker_list);
  const Links links = read_links({}, ecr.access(), ecr.place, images_);
  EXPECT_THAT(links.children.at(digest_of('b')), ElementsAre(digest_of('a')));
  EXPECT_THAT(links.children.at(digest_of('c')), ElementsAre(digest_of('d')));
  EXPECT_THAT(links.unreadable, ElementsAre(digest_of('c'), digest_of('e')));
  EXPECT_THAT(ecr.inputs("BatchGetImage").at(0), testing::Not(testing::HasSubstr(digest_of('a'))));
}

}  // namespace
}  // namespace davit::transport::ecr
