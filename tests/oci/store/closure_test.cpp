#include "oci/store/closure.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "oci/store/memory.hpp"
#include "tests/oci/store/images.hpp"

namespace davit::tests {
namespace {

using namespace oci;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

std::vector<std::string> digests(const std::vector<Descriptor>& list) {
  std::vector<std::string> digests;
  for (const Descriptor& descriptor : list) digests.push_back(descriptor.digest.str());
  return digests;
}

std::vector<std::string> digests(const std::vector<PlannedDocument>& list) {
  std::vector<std::string> digests;
  for (const PlannedDocument& document : list) digests.push_back(document.descriptor.digest.str());
  return digests;
}

class ClosureOf : public testing::Test {
 protected:
  std::unique_ptr<Store> store_ = make_memory_store("memory");
};

TEST_F(ClosureOf, AManifestIsItsConfigAndLayersAndItself) {
  const TestImage image = put_image(*store_, {"one", "two"});
  const Closure all = closure({}, *store_, image.descriptor);
  EXPECT_EQ(digests(all.blobs), digests(image.blobs));
  ASSERT_THAT(all.documents, SizeIs(1));
  EXPECT_EQ(all.documents[0].bytes, image.manifest);
}

TEST_F(ClosureOf, AnIndexHasChildrenFirstAndTheRootLast) {
  const TestImage one = put_image(*store_, {"one"});
  const TestImage two = put_image(*store_, {"two"});
  const Descriptor inner = put_index(*store_, {two.descriptor});
  const Descriptor outer = put_index(*store_, {one.descriptor, inner});
  EXPECT_THAT(digests(closure({}, *store_, outer).documents),
              ElementsAre(one.descriptor.digest.str(), two.descriptor.digest.str(),
                          inner.digest.str(), outer.digest.str()));
}

TEST_F(ClosureOf, ADocumentComesBeforeAllThatReferToIt) {
  const TestImage shared = put_image(*store_, {"shared"});
  const Descriptor inner = put_index(*store_, {shared.descriptor});
  const Descriptor outer = put_index(*store_, {inner, shared.descriptor});
  EXPECT_THAT(digests(closure({}, *store_, outer).documents),
              ElementsAre(shared.descriptor.digest.str(), inner.digest.str(), outer.digest.str()));
}

TEST_F(ClosureOf, SharedLayersStandOnce) {
  const TestImage one = put_image(*store_, {"base", "one", "base"});
  const TestImage two = put_image(*store_, {"base", "two"});
  const Closure all =
      closure({}, *store_, put_index(*store_, {one.descriptor, two.descriptor, one.descriptor}));
  EXPECT_THAT(all.blobs, SizeIs(5));  // Two configs, three layers.
  EXPECT_THAT(all.documents, SizeIs(3));
}

TEST_F(ClosureOf, AnEmptyIndexIsItself) {
  const Closure all = closure({}, *store_, put_index(*store_, {}));
  EXPECT_THAT(all.documents, SizeIs(1));
  EXPECT_THAT(all.blobs, IsEmpty());
}

TEST_F(ClosureOf, IsTheSameForAnyNumberOfJobs) {
  std::vector<Descriptor> manifests;
  for (int i = 0; i < 20; ++i) {
    manifests.push_back(put_image(*store_, {std::to_string(i), "base"}).descriptor);
  }
  const Descriptor root = put_index(*store_, manifests);
  const Closure one = closure({}, *store_, root, {.jobs = 1});
  const Closure many = closure({}, *store_, root, {.jobs = 16});
  EXPECT_EQ(digests(one.blobs), digests(many.blobs));
  EXPECT_EQ(digests(one.documents), digests(many.documents));
}

TEST_F(ClosureOf, ForeignLayersAreLeftOutUnlessAskedFor) {
  const Descriptor config = put(*store_, media::oci_config, "{}");
  Descriptor foreign = describe("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "w");
  foreign.urls = {"https://example.com/w"};
  const std::string manifest = to_json(Manifest{
      .media_type = std::string(media::oci_manifest), .config = config, .layers = {foreign}});
  const Descriptor root = put(*store_, media::oci_manifest, manifest);
  const Closure without = closure({}, *store_, root);
  EXPECT_EQ(digests(without.blobs), digests({config}));
  EXPECT_EQ(digests(without.foreign), digests({foreign}));
  const Closure with = closure({}, *store_, root, {.foreign_layers = ForeignLayers::include});
  EXPECT_EQ(digests(with.blobs), digests({config, foreign}));
  EXPECT_THAT(with.foreign, IsEmpty());
}

TEST_F(ClosureOf, UnknownTypesInAnIndexAreDocumentsThatReferToNothing) {
  const Descriptor unknown = put(*store_, "application/vnd.example+json", R"({"layers":7})");
  const Descriptor root = put_index(*store_, {unknown});
  EXPECT_THAT(digests(closure({}, *store_, root).documents),
              ElementsAre(unknown.digest.str(), root.digest.str()));
}

TEST_F(ClosureOf, ABuildCacheIndexLeadsToLayers) {
  const Descriptor layer = put(*store_, media::oci_layer_gzip, "a layer");
  const Closure all = closure({}, *store_, put_index(*store_, {layer}));
  EXPECT_EQ(digests(all.blobs), digests({layer}));
  EXPECT_THAT(all.documents, SizeIs(1));
}

TEST_F(ClosureOf, UnknownTypesTooLargeForADocumentAreBlobs) {
  const Descriptor large =
      put(*store_, "application/octet-stream", std::string(document_limit + 1, 'x'));
  EXPECT_EQ(digests(closure({}, *store_, put_index(*store_, {large})).blobs), digests({large}));
}

TEST_F(ClosureOf, ARootWithoutMediaTypeIsReadByItsShape) {
  Descriptor root = put_image(*store_, {"layer"}).descriptor;
  root.media_type.clear();
  EXPECT_EQ(closure({}, *store_, root).documents[0].descriptor.media_type, media::oci_manifest);
}

TEST_F(ClosureOf, LeavesOutWhatItIsToldWithAllThatOnlyThatRefersTo) {
  const TestImage one = put_image(*store_, {"base", "one"});
  const TestImage two = put_image(*store_, {"base", "two"});
  const Descriptor root = put_index(*store_, {one.descriptor, two.descriptor});
  const Closure rest =
      closure({}, *store_, root, {.leave_out = [&](const Call&, const Descriptor& descriptor) {
                return descriptor.digest == one.descriptor.digest;
              }});
  EXPECT_EQ(digests(rest.left_out), digests({one.descriptor}));
  EXPECT_EQ(digests(rest.blobs), digests(two.blobs));
  EXPECT_THAT(rest.documents, SizeIs(2));
}

TEST_F(ClosureOf, NamesAChildThatIsMissingAndItsParent) {
  const TestImage missing = make_image({"missing"});
  const Descriptor root = put_index(*store_, {missing.descriptor});
  EXPECT_EQ(kind_thrown([&] { closure({}, *store_, root); }, missing.descriptor.digest.str()),
            ErrorKind::not_found);
  EXPECT_EQ(kind_thrown([&] { closure({}, *store_, root); }, root.digest.str()),
            ErrorKind::not_found);
}

TEST_F(ClosureOf, ARootThatIsMissingIsNotFound) {
  EXPECT_EQ(kind_thrown([&] { closure({}, *store_, make_image({"missing"}).descriptor); }),
            ErrorKind::not_found);
}

TEST_F(ClosureOf, RefusesTwoSizesForOneDigest) {
  const TestImage image = put_image(*store_, {"layer"});
  Descriptor lie = image.blobs[1];
  lie.size += 1;
  const std::string manifest = to_json(Manifest{.media_type = std::string(media::oci_manifest),
                                                .config = image.blobs[0],
                                                .layers = {image.blobs[1], lie}});
  const Descriptor root = put(*store_, media::oci_manifest, manifest);
  EXPECT_EQ(kind_thrown([&] { closure({}, *store_, root); }, lie.digest.str()), ErrorKind::corrupt);
}

TEST_F(ClosureOf, RefusesAManifestTooLargeBeforeReadingIt) {
  Descriptor huge = make_image({"layer"}).descriptor;
  huge.size = document_limit + 1;
  EXPECT_EQ(kind_thrown([&] { closure({}, *store_, huge); }, huge.digest.str()),
            ErrorKind::corrupt);
}

TEST_F(ClosureOf, RefusesAnIndexThatCallsAManifestAnIndex) {
  Descriptor child = put_image(*store_, {"layer"}).descriptor;
  child.media_type = media::oci_index;
  const Descriptor root = put_index(*store_, {child});
  EXPECT_EQ(kind_thrown([&] { closure({}, *store_, root); }, child.digest.str()),
            ErrorKind::corrupt);
}

TEST_F(ClosureOf, FollowsEightDocumentsAndNoMore) {
  Descriptor root = put_image(*store_, {"layer"}).descriptor;
  for (int depth = 2; depth <= 8; ++depth) root = put_index(*store_, {root});
  EXPECT_THAT(closure({}, *store_, root).documents, SizeIs(8));
  root = put_index(*store_, {root});
  EXPECT_EQ(kind_thrown([&] { closure({}, *store_, root); }, "deeper"), ErrorKind::corrupt);
}

TEST_F(ClosureOf, FollowsNoLongChainThatOneIndexListsWhole) {
  std::vector<Descriptor> chain = {put_image(*store_, {"layer"}).descriptor};
  for (int i = 0; i < 20; ++i) chain.push_back(put_index(*store_, {chain.back()}));
  std::reverse(chain.begin(), chain.end());
  const Descriptor root = put_index(*store_, chain);
  EXPECT_EQ(kind_thrown([&] { closure({}, *store_, root); }, "deeper"), ErrorKind::corrupt);
}

TEST_F(ClosureOf, RefusesDocumentsThatAreTooLargeTogether) {
  std::vector<Descriptor> manifests;
  for (int i = 0; i < 17; ++i) {
    manifests.push_back(put(*store_, "application/vnd.example",
                            std::string(document_limit - 1, static_cast<char>('a' + i))));
  }
  const Descriptor root = put_index(*store_, manifests);
  EXPECT_EQ(kind_thrown([&] { closure({}, *store_, root); }, "larger than"), ErrorKind::corrupt);
}

TEST_F(ClosureOf, StopsWhenAskedTo) {
  const TestImage image = put_image(*store_, {"layer"});
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(kind_thrown([&] { closure({.stop = stop.get_token()}, *store_, image.descriptor); }),
            ErrorKind::interrupted);
}

}  // namespace
}  // namespace davit::tests
