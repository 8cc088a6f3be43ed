#include "oci/image/layer_cache.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <mutex>

#include "oci/base/log.hpp"
#include "oci/image/inspect.hpp"
#include "oci/model/manifest.hpp"
#include "oci/store/layout.hpp"
#include "src/ops/build.hpp"
#include "tests/support/temp_dir.hpp"

namespace davit::app {
namespace {

using oci::BlobState;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

/// The last state of each blob.
class LastStates final : public oci::Progress {
 public:
  void update(const oci::BlobEvent& event) override {
    const std::lock_guard lock(mutex_);
    states_[event.id] = event.state;
  }
  std::map<std::string, BlobState> take() { return std::exchange(states_, {}); }

 private:
  std::mutex mutex_;
  std::map<std::string, BlobState> states_;
};

class LayerCacheTest : public testing::Test {
 protected:
  LayerCacheTest() {
    tests::write_file(directory_ / "rootfs/etc/hostname", "davit\n");
    oci::set_log([this](oci::LogLevel level, std::string_view message) {
      said_.emplace_back(level, message);
    });
  }
  ~LayerCacheTest() override { oci::set_log({}); }

  Place place(const std::string& text) const {
    return Place::parse("oci:" + (directory_ / text).native());
  }

  BuildOptions options(const std::string& target, const std::string& compression = "gzip") {
    BuildOptions options;
    oci::TreeOptions tree;
    tree.clamp_mtime = 0;
    options.layers = oci::tree_layers(directory_ / "rootfs", tree);
    options.targets = {place(target)};
    options.platform = oci::Platform::parse("linux/amd64");
    options.config.created = "1970-01-01T00:00:00Z";
    options.compression = oci::Compression::parse(compression);
    return options;
  }

  /// Builds as a run of the program does, and says what became of "layer 1".
  BlobState build(const BuildOptions& options) {
    Places places({}, nullptr);
    root_ = build_image({.progress = &states_}, places, options).at(0).root;
    built_ = states_.take();
    return built_.at("layer 1");
  }

  oci::Inspection inspect(const std::string& image) {
    Places places({}, nullptr);
    return oci::inspect_image({}, places.open({}, place(image), Use::read),
                              place(image).identifier(), std::nullopt);
  }

  oci::Descriptor layer_of(const std::string& image) {
    return std::get<oci::Manifest>(inspect(image).document).layers.at(0);
  }

  std::filesystem::path blob(const std::string& layout, const oci::Descriptor& descriptor) const {
    return directory_ / layout / "blobs/sha256" / descriptor.digest.hex();
  }

  tests::TempDir directory_;
  LastStates states_;
  std::map<std::string, BlobState> built_;
  oci::Descriptor root_;
  std::vector<std::pair<oci::LogLevel, std::string>> said_;
};

TEST_F(LayerCacheTest, TheLayersOfTheTargetsOwnTagAreUsedAgain) {
  EXPECT_EQ(build(options("out:1")), BlobState::done);
  const oci::Digest first = root_.digest;
  EXPECT_EQ(build(options("out:1")), BlobState::exists);
  EXPECT_EQ(root_.digest, first);
}

TEST_F(LayerCacheTest, AChangedTreeIsBuilt) {
  build(options("out:1"));
  tests::write_file(directory_ / "rootfs/etc/hostname", "other\n");
  EXPECT_EQ(build(options("out:1")), BlobState::done);
}

TEST_F(LayerCacheTest, WithoutTheCacheEverythingIsBuilt) {
  build(options("out:1"));
  BuildOptions again = options("out:1");
  again.cache = false;
  EXPECT_EQ(build(again), BlobState::done);
}

TEST_F(LayerCacheTest, ALayerOfAnotherFormatIsNotUsed) {
  build(options("out:1", "gzip"));
  EXPECT_EQ(build(options("out:1", "zstd")), BlobState::done);
  EXPECT_EQ(layer_of("out:1").media_type, oci::media::oci_layer_zstd);
}

TEST_F(LayerCacheTest, ALayerOfAnotherLevelIsNotUsed) {
  build(options("out:1", "gzip"));
  EXPECT_EQ(build(options("out:1", "gzip:9")), BlobState::done);
  EXPECT_EQ(build(options("out:1", "gzip:9")), BlobState::exists);
  EXPECT_EQ(build(options("out:1", "gzip:1")), BlobState::done);
  EXPECT_EQ(build(options("out:1", "gzip")), BlobState::done);
}

TEST_F(LayerCacheTest, TheHistoryNamesALevelThatIsNotTheDefault) {
  build(options("out:1", "gzip:9"));
  EXPECT_EQ(inspect("out:1").config->history.at(0).comment, "compression gzip:9");
  build(options("out:2", "gzip"));
  EXPECT_EQ(inspect("out:2").config->history.at(0).comment, "");
}

TEST_F(LayerCacheTest, AnotherProgramsLayerIsUsedAsItIs) {
  // The same tar, compressed otherwise.
  build(options("plain:1", "none"));
  const std::string tar = oci::read_file(blob("plain", layer_of("plain:1")), 1 << 20);
  std::string compressed;
  oci::FunctionSink sink([&](oci::Bytes bytes) { compressed += oci::text_of(bytes); });
  oci::CompressionPool pool(1);
  oci::write_layer([&](oci::BlockWriter& to) { to.write(oci::bytes_of(tar)); },
                   oci::Compression::parse("gzip:9"), pool, sink);
  tests::write_file(directory_ / "layer.tar.gz", compressed);
  BuildOptions foreign = options("out:1");
  foreign.layers = {oci::tarball_layer(directory_ / "layer.tar.gz")};
  build(foreign);
  EXPECT_EQ(build(options("out:1")), BlobState::exists);
  EXPECT_EQ(layer_of("out:1").digest, oci::digest_of(oci::bytes_of(compressed)));
}

TEST_F(LayerCacheTest, LayersOfAnotherPlacesImageAreCopied) {
  build(options("before:1"));
  BuildOptions elsewhere = options("out:1");
  elsewhere.cache_from = {place("before:1")};
  EXPECT_EQ(build(elsewhere), BlobState::exists);
  const oci::Descriptor layer = layer_of("out:1");
  EXPECT_THAT(built_, Contains(Pair(layer.digest.str(), BlobState::done)));
  EXPECT_TRUE(std::filesystem::exists(blob("out", layer)));
}

TEST_F(LayerCacheTest, AnImageThatClaimsOurLayerForAnotherBlobIsNotBelieved) {
  build(options("before:1"));
  const oci::Descriptor honest = layer_of("before:1");
  // Another blob in the same manifest, while the config still lists our tar's digest.
  for (const std::size_t size : {std::size_t{10}, std::size_t{1'000'000}}) {
    oci::Inspection image = inspect("before:1");
    auto manifest = std::get<oci::Manifest>(image.document);
    auto layout = oci::open_layout({}, directory_ / "before", oci::OpenMode::existing);
    std::string compressed;
    oci::FunctionSink sink([&](oci::Bytes bytes) { compressed += oci::text_of(bytes); });
    oci::CompressionPool pool(1);
    const std::string evil(size, 'e');
    oci::write_layer([&](oci::BlockWriter& to) { to.write(oci::bytes_of(evil)); },
                     oci::Compression::parse("gzip"), pool, sink);
    manifest.layers = {layout->add({}, oci::media::oci_layer_gzip, oci::content_of(compressed))};
    const std::string document = oci::to_json(manifest);
    layout->tag({}, oci::describe(oci::media::oci_manifest, document), oci::content_of(document),
                "1");
    layout->commit({});
    BuildOptions elsewhere = options("out:1");
    elsewhere.cache_from = {place("before:1")};
    EXPECT_EQ(build(elsewhere), BlobState::done);
    EXPECT_EQ(layer_of("out:1").digest, honest.digest);
    EXPECT_THAT(said_, Contains(Pair(oci::LogLevel::warning,
                                     HasSubstr("does not hold what its image says"))));
    said_.clear();
    std::filesystem::remove_all(directory_ / "out");
    // Where the blob is there already, and in another target's tag, it is not believed, either.
    std::filesystem::copy(directory_ / "before", directory_ / "out",
                          std::filesystem::copy_options::recursive);
    elsewhere.targets = {place("out:2")};
    EXPECT_EQ(build(elsewhere), BlobState::done);
    elsewhere.cache_from.clear();
    elsewhere.targets = {place("new:1"), place("before:1")};
    EXPECT_EQ(build(elsewhere), BlobState::done);
    std::filesystem::remove_all(directory_ / "out");
    std::filesystem::remove_all(directory_ / "new");
    std::filesystem::remove_all(directory_ / "before");
    build(options("before:1"));
  }
}

TEST_F(LayerCacheTest, ALayerWhoseBlobIsGoneIsBuilt) {
  build(options("before:1"));
  std::filesystem::remove(blob("before", layer_of("before:1")));
  BuildOptions elsewhere = options("out:1");
  elsewhere.cache_from = {place("before:1")};
  EXPECT_EQ(build(elsewhere), BlobState::done);
}

TEST_F(LayerCacheTest, ALayerWhoseBlobIsSpoiltIsBuilt) {
  build(options("before:1"));
  const oci::Descriptor layer = layer_of("before:1");
  std::filesystem::remove(blob("before", layer));
  tests::write_file(blob("before", layer), std::string(layer.size, 'x'));
  BuildOptions elsewhere = options("out:1");
  elsewhere.cache_from = {place("before:1")};
  EXPECT_EQ(build(elsewhere), BlobState::done);
  EXPECT_EQ(layer_of("out:1").digest, layer.digest);
}

TEST_F(LayerCacheTest, AnImageToTakeLayersFromThatIsMissingIsAWarning) {
  BuildOptions elsewhere = options("out:1");
  elsewhere.cache_from = {place("absent:1")};
  EXPECT_EQ(build(elsewhere), BlobState::done);
  EXPECT_THAT(said_, Contains(Pair(oci::LogLevel::warning, HasSubstr("absent"))));
}

TEST_F(LayerCacheTest, ATargetThatIsNewIsNoWarning) {
  build(options("out:1"));
  for (const auto& [level, message] : said_) EXPECT_EQ(level, oci::LogLevel::info) << message;
}

TEST_F(LayerCacheTest, AnImageWithMoreLayersThanItsConfigListsIsNotUsed) {
  build(options("out:1"));
  oci::Inspection image = inspect("out:1");
  auto manifest = std::get<oci::Manifest>(image.document);
  manifest.layers.push_back(manifest.layers[0]);
  const std::string document = oci::to_json(manifest);
  auto layout = oci::open_layout({}, directory_ / "out", oci::OpenMode::existing);
  layout->tag({}, oci::describe(oci::media::oci_manifest, document), oci::content_of(document),
              "1");
  layout->commit({});
  EXPECT_EQ(build(options("out:1")), BlobState::done);
}

TEST_F(LayerCacheTest, ADryRunFindsThemToo) {
  build(options("out:1"));
  BuildOptions dry = options("out:1");
  dry.use = Use::rehearse;
  EXPECT_EQ(build(dry), BlobState::exists);
}

}  // namespace
}  // namespace davit::app
