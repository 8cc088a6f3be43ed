#include "src/ops/places.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "oci/base/error.hpp"
#include "oci/image/inspect.hpp"
#include "oci/model/manifest.hpp"
#include "oci/store/memory.hpp"

namespace davit::app {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<Target> group(const std::vector<std::string>& texts) {
  std::vector<Place> places;
  for (const std::string& text : texts) places.push_back(Place::parse(text));
  return group_targets(places);
}

TEST(Targets, OfOneStoreAreOneWithSeveralTags) {
  const auto targets = group({"r.example/app:1", "r.example/app:latest", "r.example/app:1"});
  ASSERT_EQ(targets.size(), 1u);
  EXPECT_THAT(targets[0].tags, ElementsAre("1", "latest"));
}

TEST(Targets, AreLocalOnesFirst) {
  const auto targets = group({"r.example/app:1", "oci:dir:1", "r.example/other:2"});
  ASSERT_EQ(targets.size(), 3u);
  EXPECT_EQ(targets[0].place.store_name(), "oci:dir");
  EXPECT_EQ(targets[1].place.store_name(), "r.example/app");
  EXPECT_EQ(targets[2].place.store_name(), "r.example/other");
}

TEST(Targets, MayHaveNoTag) {
  const auto targets = group({"oci:dir"});
  ASSERT_EQ(targets.size(), 1u);
  EXPECT_THAT(targets[0].tags, IsEmpty());
}

TEST(OpenPlaces, HaveNothingToCommitWhereOpeningFailed) {
  Places places({}, nullptr);
  EXPECT_THROW(places.open({}, Place::parse("oci:/nonexistent/layout:1"), Use::read), oci::Error);
  places.commit({});
}

/// An index with an image for each platform, tagged "multi", in memory.
struct MultiPlatform {
  std::unique_ptr<oci::Store> store = oci::make_memory_store("memory");
  std::vector<oci::Descriptor> images;

  MultiPlatform() {
    oci::Index index{.media_type = std::string(oci::media::oci_index),
                     .artifact_type = {},
                     .manifests = {},
                     .subject = std::nullopt,
                     .annotations = {}};
    for (const char* platform : {"linux/amd64", "linux/arm64", "windows/amd64"}) {
      const std::string config = std::string("{\"p\":\"") + platform + "\"}";
      oci::Manifest manifest;
      manifest.media_type = oci::media::oci_manifest;
      manifest.config = oci::describe(oci::media::oci_config, config);
      store->push({}, manifest.config, oci::content_of(config));
      const std::string document = oci::to_json(manifest);
      oci::Descriptor image = oci::describe(oci::media::oci_manifest, document);
      store->push({}, image, oci::content_of(document));
      image.platform = oci::Platform::parse(platform);
      images.push_back(image);
      index.manifests.push_back(image);
    }
    const std::string document = oci::to_json(index);
    store->tag({}, oci::describe(oci::media::oci_index, document), oci::content_of(document),
               "multi");
  }
};

TEST(FindImage, ChoosesAPlatformFromAnIndex) {
  MultiPlatform fixture;
  const auto found =
      oci::find_image({}, *fixture.store, "multi", oci::Platform::parse("linux/arm64"));
  EXPECT_EQ(found.digest, fixture.images[1].digest);
}

TEST(FindImage, TakesTheIndexWholeWithoutAPlatform) {
  MultiPlatform fixture;
  const auto found = oci::find_image({}, *fixture.store, "multi", std::nullopt);
  EXPECT_EQ(found.media_type, oci::media::oci_index);
}

TEST(FindImage, SaysWhichPlatformsThereAre) {
  MultiPlatform fixture;
  try {
    oci::find_image({}, *fixture.store, "multi", oci::Platform::parse("linux/s390x"));
    FAIL();
  } catch (const oci::Error& error) {
    EXPECT_EQ(error.kind(), oci::ErrorKind::not_found);
    EXPECT_THAT(error.hint(), testing::HasSubstr("linux/arm64"));
  }
}

TEST(FindImage, NamesATagThatIsMissing) {
  MultiPlatform fixture;
  try {
    oci::find_image({}, *fixture.store, "gone", std::nullopt);
    FAIL();
  } catch (const oci::Error& error) {
    EXPECT_EQ(error.kind(), oci::ErrorKind::not_found);
    EXPECT_THAT(error.what(), testing::HasSubstr("gone"));
  }
}

}  // namespace
}  // namespace davit::app
