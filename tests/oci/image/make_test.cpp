#include "oci/image/make.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "oci/image/inspect.hpp"
#include "oci/store/memory.hpp"
#include "tests/support/errors.hpp"
#include "tests/support/temp_dir.hpp"

namespace davit::oci {
namespace {

using testing::ElementsAre;
using tests::kind_of;

class MakeImageTest : public testing::Test {
 protected:
  MakeImageTest() { tests::write_file(directory_ / "rootfs/file", "content"); }

  ImageRecipe recipe(const std::string& file = "") {
    if (!file.empty()) tests::write_file(directory_ / "rootfs/file", file);
    ImageRecipe recipe;
    TreeOptions tree;
    tree.clamp_mtime = 0;
    recipe.layers = tree_layers(directory_ / "rootfs", tree);
    recipe.layers[0].created_by = "a test";
    recipe.platform = Platform::parse("linux/arm64");
    recipe.config.created = "1970-01-01T00:00:00Z";
    return recipe;
  }

  MadeImage make(const ImageRecipe& recipe, const std::optional<BaseImage>& base = {}) {
    check_recipe(recipe);
    return make_image({}, *to_, base, LayerCache(recipe.compression), recipe);
  }
  /// Makes an image and tags it, as what others build on.
  BaseImage make_base(const ImageRecipe& recipe) {
    const MadeImage made = make(recipe);
    to_->tag({}, made.root, content_of(made.manifest), "base");
    return read_base({}, *to_, "base", recipe.platform);
  }
  static Manifest manifest_in(const MadeImage& made) {
    return manifest_of(parse_document(made.root.media_type, made.manifest, "made"), "made");
  }
  ImageConfig config_of(const MadeImage& made) {
    return parse_config(fetch_document({}, *to_, manifest_in(made).config), "config");
  }

  tests::TempDir directory_;
  std::unique_ptr<Store> to_ = make_memory_store("to");
};

TEST_F(MakeImageTest, StoresAllButTheManifestWhichMakesItVisible) {
  const MadeImage made = make(recipe());
  const Manifest manifest = manifest_in(made);
  EXPECT_TRUE(to_->has({}, manifest.config));
  EXPECT_TRUE(to_->has({}, manifest.layers.at(0)));
  EXPECT_FALSE(to_->resolve({}, made.root.digest.str()));
  EXPECT_EQ(made.root.digest, digest_of(bytes_of(made.manifest)));
}

TEST_F(MakeImageTest, RecordsPlatformLayersAndHistory) {
  const MadeImage made = make(recipe());
  const ImageConfig config = config_of(made);
  EXPECT_EQ(config.platform.str(), "linux/arm64");
  ASSERT_EQ(config.history.size(), 1u);
  EXPECT_EQ(config.history[0].created_by, "a test");
  EXPECT_EQ(config.diff_ids.size(), 1u);
}

TEST_F(MakeImageTest, IsTheSameForTheSameRecipe) {
  EXPECT_EQ(make(recipe()).root.digest, make(recipe()).root.digest);
}

TEST_F(MakeImageTest, StacksOnABase) {
  const BaseImage base = make_base(recipe("below"));
  ImageRecipe above = recipe("above");
  above.platform = std::nullopt;
  const MadeImage made = make(above, base);
  const Manifest manifest = manifest_in(made);
  ASSERT_EQ(manifest.layers.size(), 2u);
  EXPECT_EQ(manifest.layers[0].digest, base.manifest.layers[0].digest);
  EXPECT_EQ(config_of(made).platform.str(), "linux/arm64");
}

TEST_F(MakeImageTest, GetsTheLayersOfABaseThatIsElsewhere) {
  const BaseImage base = make_base(recipe("below"));
  const auto from = std::exchange(to_, make_memory_store("elsewhere"));
  const MadeImage made = make(recipe("above"), base);
  EXPECT_TRUE(to_->has({}, manifest_in(made).layers.at(0)));
}

TEST_F(MakeImageTest, WritesOneFormatsTypesOnABaseOfTheOther) {
  const BaseImage base = make_base(recipe("below"));
  ImageRecipe docker = recipe("above");
  docker.format = ImageFormat::docker;
  const MadeImage made = make(docker, base);
  EXPECT_EQ(made.root.media_type, media::docker_manifest);
  std::vector<std::string> types;
  for (const Descriptor& layer : manifest_in(made).layers) types.push_back(layer.media_type);
  EXPECT_THAT(types, ElementsAre(media::docker_layer_gzip, media::docker_layer_gzip));
}

TEST_F(MakeImageTest, RefusesWhatDockersFormatCannotSay) {
  ImageRecipe zstd = recipe();
  zstd.format = ImageFormat::docker;
  zstd.compression = Compression::parse("zstd");
  EXPECT_EQ(kind_of([&] { check_recipe(zstd); }), ErrorKind::usage);
  ImageRecipe annotated = recipe();
  annotated.format = ImageFormat::docker;
  annotated.annotations = {{"k", "v"}};
  EXPECT_EQ(kind_of([&] { check_recipe(annotated); }), ErrorKind::usage);
}

TEST_F(MakeImageTest, ABaseForAnotherPlatformIsNotFound) {
  make_base(recipe());
  EXPECT_EQ(kind_of([&] { read_base({}, *to_, "base", Platform::parse("linux/s390x")); }),
            ErrorKind::not_found);
}

TEST_F(MakeImageTest, FindsABaseInAnIndexWithinAnIndex) {
  const MadeImage made = make(recipe());
  to_->push({}, made.root, content_of(made.manifest));
  Descriptor inner = made.root;
  for (int depth = 0; depth < 3; ++depth) {
    Index index{.media_type = std::string(media::oci_index), .manifests = {inner}};
    index.manifests[0].platform = Platform::parse("linux/arm64");
    const std::string document = to_json(index);
    inner = describe(media::oci_index, document);
    to_->tag({}, inner, content_of(document), "nested");
  }
  const BaseImage base = read_base({}, *to_, "nested", Platform::parse("linux/arm64"));
  EXPECT_EQ(base.manifest.layers.size(), 1u);
}

TEST_F(MakeImageTest, ABaseThatHasNoImageIsAnErrorAndNoSurprise) {
  const std::string document =
      to_json(Index{.media_type = std::string(media::oci_index), .manifests = {}});
  to_->tag({}, describe(media::oci_index, document), content_of(document), "empty");
  EXPECT_EQ(kind_of([&] { read_base({}, *to_, "empty", std::nullopt); }), ErrorKind::not_found);
}

}  // namespace
}  // namespace davit::oci
