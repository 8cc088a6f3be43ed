#include "src/ops/transfer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "oci/image/inspect.hpp"
#include "oci/model/config.hpp"
#include "oci/model/manifest.hpp"
#include "oci/store/layout.hpp"
#include "tests/support/temp_dir.hpp"

namespace davit::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

class TransferTest : public testing::Test {
 protected:
  Place place(const std::string& text) const {
    return Place::parse("oci:" + (directory_ / text).native());
  }

  /// A one-layer image for a platform, tagged in the layout "source".
  oci::Descriptor make_image(const std::string& tag, const std::string& platform) {
    auto store = oci::open_layout({}, directory_ / "source", oci::OpenMode::create);
    const std::string layer = "layer of " + tag;
    oci::Manifest manifest;
    manifest.media_type = oci::media::oci_manifest;
    manifest.layers = {oci::describe(oci::media::oci_layer, layer)};
    store->push({}, manifest.layers[0], oci::content_of(layer));
    oci::ConfigChanges changes;
    changes.platform = oci::Platform::parse(platform);
    changes.created = "1970-01-01T00:00:00Z";
    changes.layers = {{oci::digest_of(oci::bytes_of(layer)), "test"}};
    const std::string config = oci::derive_config(std::nullopt, changes);
    manifest.config = oci::describe(oci::media::oci_config, config);
    store->push({}, manifest.config, oci::content_of(config));
    const std::string document = oci::to_json(manifest);
    const auto root = oci::describe(oci::media::oci_manifest, document);
    store->tag({}, root, oci::content_of(document), tag);
    return root;
  }

  std::optional<oci::Descriptor> resolve(const std::string& layout, const std::string& tag) {
    return oci::open_layout({}, directory_ / layout, oci::OpenMode::existing)->resolve({}, tag);
  }

  tests::TempDir directory_;
  Places places_{{}, nullptr};
};

TEST_F(TransferTest, CopiesToSeveralPlacesWithTheDigestUnchanged) {
  const auto image = make_image("1.0", "linux/amd64");
  const auto landed =
      copy_image({}, places_, place("source:1.0"), {place("a:x"), place("b:y"), place("a:z")}, {});
  ASSERT_EQ(landed.size(), 2u);
  EXPECT_THAT(landed[0].tags, ElementsAre("x", "z"));
  EXPECT_EQ(landed[0].root.digest, image.digest);
  EXPECT_EQ(resolve("a", "z")->digest, image.digest);
  EXPECT_EQ(resolve("b", "y")->digest, image.digest);
}

TEST_F(TransferTest, KeepsTheTagWhereTheDestinationNamesNone) {
  make_image("1.0", "linux/amd64");
  copy_image({}, places_, place("source:1.0"), {place("a")}, {});
  EXPECT_TRUE(resolve("a", "1.0"));
}

TEST_F(TransferTest, RefusesADestinationThatNamesAnotherDigest) {
  make_image("1.0", "linux/amd64");
  const std::string other = "@sha256:" + std::string(64, '0');
  EXPECT_THROW(copy_image({}, places_, place("source:1.0"), {place("a" + other)}, {}), oci::Error);
}

TEST_F(TransferTest, ChangesNothingInARehearsal) {
  make_image("1.0", "linux/amd64");
  make_image("2.0", "linux/arm64");
  copy_image({}, places_, place("source:1.0"), {place("a:old")}, {});
  copy_image({}, places_, place("source:2.0"), {place("a:new")}, {.use = Use::rehearse});
  EXPECT_FALSE(resolve("a", "new"));
}

TEST_F(TransferTest, AddsTagsWhereTheImageIs) {
  const auto image = make_image("1.0", "linux/amd64");
  const Landed landed =
      add_tags({}, places_, place("source:1.0"), {"stable", "latest"}, Use::write);
  EXPECT_EQ(landed.root.digest, image.digest);
  EXPECT_EQ(resolve("source", "stable")->digest, image.digest);
  EXPECT_EQ(resolve("source", "1.0")->digest, image.digest);
}

TEST_F(TransferTest, AddsNoTagIfOneOfThemIsMalformed) {
  make_image("1.0", "linux/amd64");
  EXPECT_THROW(add_tags({}, places_, place("source:1.0"), {"good", "b@d"}, Use::write), oci::Error);
  EXPECT_FALSE(resolve("source", "good"));
}

TEST_F(TransferTest, JoinsImagesUnderAnIndexWithTheirPlatforms) {
  const auto amd = make_image("amd", "linux/amd64");
  const auto arm = make_image("arm", "linux/arm64/v8");
  const Landed landed =
      create_index({}, places_, place("joined:1"), {place("source:amd"), place("source:arm")},
                   oci::media::oci_index, {{"k", "v"}}, {});
  auto store = oci::open_layout({}, directory_ / "joined", oci::OpenMode::existing);
  const auto index = std::get<oci::Index>(oci::parse_document(
      landed.root.media_type, oci::fetch_document({}, *store, landed.root), "index"));
  ASSERT_EQ(index.manifests.size(), 2u);
  EXPECT_EQ(index.manifests[0].digest, amd.digest);
  EXPECT_EQ(index.manifests[0].platform->str(), "linux/amd64");
  EXPECT_EQ(index.manifests[1].digest, arm.digest);
  EXPECT_EQ(index.manifests[1].platform->str(), "linux/arm64/v8");
  EXPECT_EQ(index.annotations.at("k"), "v");
  EXPECT_TRUE(store->has({}, amd));
}

TEST_F(TransferTest, TakesTheMembersOfAnIndexIntoAnIndex) {
  make_image("amd", "linux/amd64");
  make_image("arm", "linux/arm64");
  make_image("riscv", "linux/riscv64");
  create_index({}, places_, place("source:two"), {place("source:amd"), place("source:arm")},
               oci::media::oci_index, {}, {});
  const Landed three =
      create_index({}, places_, place("source:three"), {place("source:two"), place("source:riscv")},
                   oci::media::oci_index, {}, {});
  auto store = oci::open_layout({}, directory_ / "source", oci::OpenMode::existing);
  const auto index = std::get<oci::Index>(oci::parse_document(
      three.root.media_type, oci::fetch_document({}, *store, three.root), "index"));
  std::vector<std::string> platforms;
  for (const auto& entry : index.manifests) platforms.push_back(entry.platform->str());
  EXPECT_THAT(platforms, UnorderedElementsAre("linux/amd64", "linux/arm64", "linux/riscv64"));
}

TEST_F(TransferTest, RefusesTwoImagesForOnePlatform) {
  make_image("one", "linux/amd64");
  make_image("two", "linux/amd64");
  try {
    create_index({}, places_, place("source:x"), {place("source:one"), place("source:two")},
                 oci::media::oci_index, {}, {});
    FAIL();
  } catch (const oci::Error& error) {
    EXPECT_EQ(error.kind(), oci::ErrorKind::usage);
    EXPECT_THAT(error.what(), HasSubstr("linux/amd64"));
  }
  EXPECT_FALSE(resolve("source", "x"));
}

TEST_F(TransferTest, FindsAnImageInAnIndexWithinAnIndex) {
  const auto image = make_image("1.0", oci::Platform::host().str());
  const Landed inner = create_index({}, places_, place("source:inner"), {place("source:1.0")},
                                    oci::media::oci_index, {}, {});
  auto store = oci::open_layout({}, directory_ / "source", oci::OpenMode::existing);
  oci::Index outer{.media_type = std::string(oci::media::oci_index), .manifests = {inner.root}};
  outer.manifests[0].platform = oci::Platform::host();
  const std::string document = oci::to_json(outer);
  store->tag({}, oci::describe(oci::media::oci_index, document), oci::content_of(document),
             "outer");
  store->commit({});
  EXPECT_EQ(oci::find_image({}, *store, "outer", oci::Platform::host()).digest, image.digest);
  const Place docker = Place::parse("docker-archive:" + (directory_ / "x.tar").native());
  copy_image({}, places_, place("source:outer"), {docker}, {});
  EXPECT_TRUE(std::filesystem::exists(docker.path));
}

TEST_F(TransferTest, SaysBeforeTheFirstByteThatDockerWouldFindNoImage) {
  make_image("other", "linux/s390x");
  create_index({}, places_, place("source:index"), {place("source:other")}, oci::media::oci_index,
               {}, {});
  const Place docker = Place::parse("docker-archive:" + (directory_ / "x.tar").native());
  const auto kind_of = [&](const std::function<void()>& action) {
    try {
      action();
    } catch (const oci::Error& error) {
      EXPECT_THAT(error.hint(), HasSubstr("s390x"));
      return error.kind();
    }
    return oci::ErrorKind::failed;
  };
  EXPECT_EQ(kind_of([&] { copy_image({}, places_, place("source:index"), {docker}, {}); }),
            oci::ErrorKind::not_found);
  EXPECT_EQ(kind_of([&] {
              create_index({}, places_, docker, {place("source:other")}, oci::media::oci_index, {},
                           {});
            }),
            oci::ErrorKind::not_found);
  // Nothing was begun, not even what a next try would go on with.
  for (const auto& entry : std::filesystem::directory_iterator(directory_.path())) {
    EXPECT_EQ(entry.path().filename(), "source");
  }
}

}  // namespace
}  // namespace davit::app
