#include "src/ops/bundle.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "oci/base/error.hpp"
#include "oci/model/manifest.hpp"
#include "oci/store/layout.hpp"
#include "tests/support/sample_image.hpp"
#include "tests/support/temp_dir.hpp"

namespace davit::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class BundleTest : public testing::Test {
 protected:
  BundleTest() { store_ = oci::open_layout({}, directory_ / "source", oci::OpenMode::create); }

  /// An image of one layer, under the name that a bundle knows it by.
  oci::Descriptor make(const std::string& name, const std::string& layer,
                       const std::optional<oci::Descriptor>& subject = {}) {
    oci::Manifest manifest;
    manifest.media_type = oci::media::oci_manifest;
    manifest.subject = subject;
    manifest.layers = {oci::describe(oci::media::oci_layer, layer)};
    store_->push({}, manifest.layers[0], oci::content_of(layer));
    const std::string config = R"({"architecture":"amd64","os":"linux","rootfs":{"type":"layers",)"
                               R"("diff_ids":[")" +
                               manifest.layers[0].digest.str() + "\"]}}";
    manifest.config = oci::describe(oci::media::oci_config, config);
    store_->push({}, manifest.config, oci::content_of(config));
    const std::string document = oci::to_json(manifest);
    const auto root = oci::describe(oci::media::oci_manifest, document);
    if (name.empty()) {
      store_->push({}, root, oci::content_of(document));
    } else {
      store_->tag({}, root, oci::content_of(document), name);
    }
    return root;
  }

  Place image(const std::string& name) const {
    Place place;
    place.kind = Place::Kind::layout;
    place.path = directory_ / "source";
    place.local_name = name;
    return place;
  }

  std::vector<Bundled> save(const std::string& file, const std::vector<std::string>& names,
                            const SaveOptions& options = {}) {
    std::vector<Place> images;
    for (const std::string& name : names) images.push_back(image(name));
    Places places({}, nullptr);
    return save_bundle({}, places, directory_ / file, images, options);
  }

  static std::vector<std::string> names_of(const std::vector<Bundled>& images) {
    std::vector<std::string> names;
    for (const Bundled& one : images) names.push_back(one.name);
    return names;
  }

  tests::TempDir directory_;
  std::unique_ptr<oci::Store> store_;
};

constexpr const char* app = "registry.example/app:1";
constexpr const char* other = "registry.example/other:1";

TEST_F(BundleTest, HoldsManyImagesUnderTheirNames) {
  const auto first = make(app, "one");
  make(other, "two");
  save("b.tar", {app, other});
  const auto images = list_bundle({}, directory_ / "b.tar");
  EXPECT_THAT(names_of(images), ElementsAre(app, other));
  EXPECT_EQ(images[0].root.digest, first.digest);
  EXPECT_THAT(images[0].missing, IsEmpty());
}

TEST_F(BundleTest, WantsNamesByWhichItKnowsItsImages) {
  make(app, "one");
  try {
    save("b.tar", {""});
    FAIL();
  } catch (const oci::Error& error) {
    EXPECT_EQ(error.kind(), oci::ErrorKind::usage);
  }
}

TEST_F(BundleTest, LeavesOutWhatTheOtherSideHasAndSaysSo) {
  make(app, "one");
  save("old.tar", {app});
  make(other, "two");
  const SaveOptions delta{.without = bundle_contents({}, directory_ / "old.tar")};
  save("delta.tar", {app, other}, delta);
  const auto images = list_bundle({}, directory_ / "delta.tar");
  EXPECT_THAT(names_of(images), ElementsAre(app, other));
  EXPECT_THAT(images[0].missing, Not(IsEmpty()));
  EXPECT_THAT(images[1].missing, IsEmpty());
  // What a delta was made for has the rest.
  const auto all = bundle_contents({}, directory_ / "delta.tar");
  for (const oci::Digest& digest : delta.without) EXPECT_TRUE(all.contains(digest));
}

TEST_F(BundleTest, ReadsWhatIsThereFromTheJsonOfAList) {
  const oci::Digest digest = oci::digest_of(oci::bytes_of("x"));
  tests::write_file(directory_ / "list.json", R"({"digests":[")" + digest.str() + R"("]})");
  EXPECT_THAT(bundle_contents({}, directory_ / "list.json"), ElementsAre(digest));
}

TEST_F(BundleTest, BringsWhatRefersToItsImagesWhereAsked) {
  const auto root = make(app, "one");
  const auto signature = make("", "signature", root);
  const auto second = make("", "signature of the signature", signature);
  save("plain.tar", {app});
  save("all.tar", {app}, {.referrers = true});
  const auto holds = [&](const std::string& file, const oci::Descriptor& what) {
    return oci::open_archive({}, directory_ / file, oci::OpenMode::existing)->has({}, what);
  };
  EXPECT_FALSE(holds("plain.tar", signature));
  EXPECT_TRUE(holds("all.tar", signature));
  EXPECT_TRUE(holds("all.tar", second));
}

TEST_F(BundleTest, IsVerifiedWholeUnlessItIsADelta) {
  make(app, "one");
  save("old.tar", {app});
  EXPECT_THAT(names_of(verify_bundle({}, directory_ / "old.tar", Completeness::whole, {})),
              ElementsAre(app));
  save("delta.tar", {app}, {.without = bundle_contents({}, directory_ / "old.tar")});
  EXPECT_THAT(names_of(verify_bundle({}, directory_ / "delta.tar", Completeness::delta, {})),
              ElementsAre(app));
  try {
    verify_bundle({}, directory_ / "delta.tar", Completeness::whole, {});
    FAIL();
  } catch (const oci::Error& error) {
    EXPECT_EQ(error.kind(), oci::ErrorKind::not_found);
    EXPECT_EQ(error.advice(), oci::Advice::expect_delta);
  }
}

TEST_F(BundleTest, ForDockerWantsAnImageForThisMachineBeforeTheFirstByte) {
  const auto root = make(app, "one");
  oci::Index index{.media_type = std::string(oci::media::oci_index), .manifests = {root}};
  index.manifests[0].platform = oci::Platform::parse("linux/s390x");
  const std::string document = oci::to_json(index);
  store_->tag({}, oci::describe(oci::media::oci_index, document), oci::content_of(document), other);
  try {
    save("docker.tar", {app, other}, {.format = oci::ArchiveFormat::docker});
    FAIL();
  } catch (const oci::Error& error) {
    EXPECT_EQ(error.kind(), oci::ErrorKind::not_found);
    EXPECT_THAT(error.hint(), HasSubstr("s390x"));
  }
  EXPECT_FALSE(std::filesystem::exists(directory_ / "docker.tar"));
  EXPECT_FALSE(std::filesystem::exists(directory_ / "docker.tar.part"));
}

}  // namespace
}  // namespace davit::app
