#include "src/ops/build.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "oci/layer/decompress.hpp"
#include "oci/layer/gzip.hpp"
#include "oci/layer/tar_parser.hpp"
#include "oci/model/manifest.hpp"
#include "oci/store/layout.hpp"
#include "tests/support/temp_dir.hpp"

namespace davit::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// The paths in a tar.
class Paths final : public oci::TarHandler {
 public:
  void entry(const oci::TarEntry& entry) override { paths.push_back(entry.path); }
  void data(oci::Bytes) override {}
  std::vector<std::string> paths;
};

class BuildTest : public testing::Test {
 protected:
  BuildTest() {
    tests::write_file(directory_ / "rootfs/etc/hostname", "davit\n");
    tests::write_file(directory_ / "rootfs/bin/tool", std::string(100'000, 'x'));
  }

  Place place(const std::string& text) const {
    return Place::parse("oci:" + (directory_ / text).native());
  }

  BuildOptions options(const std::string& target) const {
    BuildOptions options;
    options.layers = {tree("rootfs")};
    options.targets = {place(target)};
    options.config.created = "1970-01-01T00:00:00Z";
    return options;
  }

  oci::LayerInput tree(const std::string& path, const std::string& destination = "") const {
    oci::TreeOptions options;
    options.destination = destination;
    options.clamp_mtime = 0;
    oci::LayerInput input = oci::tree_layers(directory_ / path, options).at(0);
    input.created_by = "test";
    return input;
  }

  oci::LayerInput tarball(const std::string& path) const {
    oci::LayerInput input = oci::tarball_layer(directory_ / path);
    input.created_by = "test";
    return input;
  }

  /// A tar of one file, as a text.
  std::string make_tar(const std::string& name, const std::string& text) {
    tests::write_file(directory_ / "tarred" / name, text);
    std::string tar;
    oci::BlockPool pool(4);
    oci::BlockWriter writer(
        pool, [&](const oci::Block& block) { tar += oci::text_of(oci::Bytes(*block)); });
    oci::TreeOptions plain;
    plain.clamp_mtime = 0;
    oci::tree_source(directory_ / "tarred", plain)(writer);
    writer.finish();
    std::filesystem::remove_all(directory_ / "tarred");
    return tar;
  }

  Landed build(const BuildOptions& options) { return build_image({}, places_, options).at(0); }

  std::unique_ptr<oci::Store> open(const std::string& layout) const {
    return oci::open_layout({}, directory_ / layout, oci::OpenMode::existing);
  }

  oci::Manifest manifest_of(const std::string& layout, const Landed& landed) const {
    return std::get<oci::Manifest>(oci::parse_document(
        landed.root.media_type, oci::fetch_document({}, *open(layout), landed.root), "manifest"));
  }

  oci::ImageConfig config_of(const std::string& layout, const Landed& landed) const {
    return oci::parse_config(
        oci::fetch_document({}, *open(layout), manifest_of(layout, landed).config), "config");
  }

  std::vector<std::string> paths_of(const std::string& layout, const oci::Descriptor& layer) const {
    Paths paths;
    oci::TarParser parser(paths, "layer");
    const auto decompressor = oci::make_decompressor(oci::Encoding::gzip, parser, "layer");
    open(layout)->fetch({}, layer, *decompressor);
    decompressor->finish();
    parser.finish();
    return paths.paths;
  }

  tests::TempDir directory_;
  Places places_{{}, nullptr};
};

TEST_F(BuildTest, MakesAnImageOfADirectory) {
  const Landed landed = build(options("out:1.0"));
  const oci::Manifest manifest = manifest_of("out", landed);
  ASSERT_EQ(manifest.layers.size(), 1u);
  EXPECT_EQ(manifest.layers[0].media_type, oci::media::oci_layer_gzip);
  EXPECT_THAT(paths_of("out", manifest.layers[0]),
              testing::IsSupersetOf({"bin/tool", "etc", "etc/hostname"}));
  EXPECT_EQ(open("out")->resolve({}, "1.0")->digest, landed.root.digest);
}

TEST_F(BuildTest, RecordsTheDiffIdOfWhatTheLayerDecompressesTo) {
  const Landed landed = build(options("out:1.0"));
  oci::Hasher hasher;
  const auto decompressor = oci::make_decompressor(oci::Encoding::gzip, hasher, "layer");
  open("out")->fetch({}, manifest_of("out", landed).layers[0], *decompressor);
  decompressor->finish();
  EXPECT_THAT(config_of("out", landed).diff_ids, ElementsAre(hasher.finish()));
}

TEST_F(BuildTest, MakesTheSameImageOfTheSameTreeElsewhere) {
  const Landed first = build(options("out:1.0"));
  std::filesystem::create_directories(directory_ / "other");
  std::filesystem::copy(directory_ / "rootfs", directory_ / "other/place",
                        std::filesystem::copy_options::recursive);
  BuildOptions second = options("out2:1.0");
  second.layers = {tree("other/place")};
  EXPECT_EQ(build(second).root.digest, first.root.digest);
}

TEST_F(BuildTest, KeepsTheOrderOfItsInputsWhateverTheyAre) {
  tests::write_file(directory_ / "app/main", "app");
  tests::write_file(directory_ / "layer.tar", make_tar("from-tar", "t"));
  BuildOptions mixed = options("out:1.0");
  mixed.layers = {tarball("layer.tar"), tree("rootfs"), tree("app", "/srv/app")};
  const Landed landed = build(mixed);
  const oci::Manifest manifest = manifest_of("out", landed);
  ASSERT_EQ(manifest.layers.size(), 3u);
  EXPECT_THAT(paths_of("out", manifest.layers[0]), testing::Contains("from-tar"));
  EXPECT_THAT(paths_of("out", manifest.layers[1]), testing::Contains("bin/tool"));
  EXPECT_THAT(paths_of("out", manifest.layers[2]), ElementsAre("srv", "srv/app", "srv/app/main"));
  EXPECT_EQ(config_of("out", landed).history.size(), 3u);
}

TEST_F(BuildTest, UsesACompressedTarballAsItIs) {
  const std::string tar = make_tar("file", "content");
  std::string compressed;
  oci::FunctionSink sink([&](oci::Bytes bytes) { compressed += oci::text_of(bytes); });
  oci::CompressionPool pool(1);
  oci::write_layer([&](oci::BlockWriter& to) { to.write(oci::bytes_of(tar)); },
                   oci::Compression::parse("gzip:9"), pool, sink);
  tests::write_file(directory_ / "layer.tar.gz", compressed);
  BuildOptions given = options("out:1.0");
  given.layers = {tarball("layer.tar.gz")};
  const Landed landed = build(given);
  EXPECT_EQ(manifest_of("out", landed).layers[0].digest, oci::digest_of(oci::bytes_of(compressed)));
  EXPECT_THAT(config_of("out", landed).diff_ids, ElementsAre(oci::digest_of(oci::bytes_of(tar))));
}

TEST_F(BuildTest, UsesATarAsItIsWritten) {
  const std::string tar = make_tar("file", "content");
  tests::write_file(directory_ / "layer.tar", tar);
  BuildOptions given = options("out:1.0");
  given.layers = {tarball("layer.tar")};
  given.compression = oci::Compression::parse("none");
  const Landed landed = build(given);
  EXPECT_EQ(manifest_of("out", landed).layers[0].digest, oci::digest_of(oci::bytes_of(tar)));
}

TEST_F(BuildTest, StacksOnABaseAndKeepsItsConfig) {
  BuildOptions below = options("base:1");
  below.config.env = {"PATH=/bin", "LANG=C"};
  below.config.cmd = {{"/bin/sh"}};
  const Landed base = build(below);
  tests::write_file(directory_ / "app/main", "app");
  BuildOptions above = options("out:1.0");
  above.base = place("base:1");
  above.layers = {tree("app", "/app")};
  above.config.env = {"LANG=de"};
  const Landed landed = build(above);
  const oci::ImageConfig config = config_of("out", landed);
  EXPECT_THAT(config.env, ElementsAre("PATH=/bin", "LANG=de"));
  EXPECT_THAT(config.cmd, ElementsAre("/bin/sh"));
  EXPECT_EQ(config.diff_ids.size(), 2u);
  EXPECT_EQ(manifest_of("out", landed).layers[0].digest,
            manifest_of("base", base).layers[0].digest);
}

TEST_F(BuildTest, ChangesOnlyTheConfigWithoutALayer) {
  build(options("base:1"));
  BuildOptions above = options("out:1.0");
  above.base = place("base:1");
  above.layers = {};
  above.config.labels = {{"k", "v"}};
  const oci::ImageConfig config = config_of("out", build(above));
  EXPECT_EQ(config.diff_ids.size(), 1u);
  EXPECT_EQ(config.labels.at("k"), "v");
}

TEST_F(BuildTest, WritesDockersTypesWhenAsked) {
  BuildOptions docker = options("out:1.0");
  docker.format = ImageFormat::docker;
  const oci::Manifest manifest = manifest_of("out", build(docker));
  EXPECT_EQ(manifest.media_type, oci::media::docker_manifest);
  EXPECT_EQ(manifest.config.media_type, oci::media::docker_config);
  EXPECT_EQ(manifest.layers[0].media_type, oci::media::docker_layer_gzip);
}

TEST_F(BuildTest, DoesNotMixTypesOnABaseOfTheOtherFormat) {
  BuildOptions below = options("base:1");
  below.format = ImageFormat::docker;
  build(below);
  BuildOptions above = options("out:1.0");
  above.base = place("base:1");
  const oci::Manifest manifest = manifest_of("out", build(above));
  EXPECT_EQ(manifest.layers[0].media_type, oci::media::oci_layer_gzip);
  EXPECT_EQ(manifest.layers[1].media_type, oci::media::oci_layer_gzip);
}

TEST_F(BuildTest, PutsTheImageInEveryTarget) {
  BuildOptions several = options("one:1");
  several.targets = {place("one:1"), place("two:2"), place("one:latest")};
  const auto landed = build_image({}, places_, several);
  ASSERT_EQ(landed.size(), 2u);
  EXPECT_THAT(landed[0].tags, ElementsAre("1", "latest"));
  EXPECT_EQ(open("one")->resolve({}, "latest")->digest, open("two")->resolve({}, "2")->digest);
}

TEST_F(BuildTest, TagsNothingWhenALayerFails) {
  tests::write_file(directory_ / "broken.tar", make_tar("file", "content").substr(0, 700));
  BuildOptions broken = options("out:1.0");
  broken.layers = {tree("rootfs"), tarball("broken.tar")};
  EXPECT_THROW(build(broken), oci::Error);
  EXPECT_EQ(open("out")->resolve({}, "1.0"), std::nullopt);
}

TEST_F(BuildTest, RehearsesWithoutMakingAnything) {
  BuildOptions dry = options("out:1.0");
  dry.use = Use::rehearse;
  const Landed landed = build(dry);
  EXPECT_FALSE(std::filesystem::exists(directory_ / "out"));
  EXPECT_EQ(build(options("out:1.0")).root.digest, landed.root.digest);
}

/// Inputs that make no image, and the kind of error each is.
class BadBuildTest : public BuildTest {
 protected:
  void expect(const BuildOptions& options, oci::ErrorKind kind, const std::string& named) {
    try {
      build(options);
      FAIL() << "an image was built";
    } catch (const oci::Error& error) {
      EXPECT_EQ(error.kind(), kind) << error.what();
      EXPECT_THAT(error.what(), HasSubstr(named));
    }
    EXPECT_FALSE(std::filesystem::exists(directory_ / "out"));
  }
};

TEST_F(BadBuildTest, NothingToBuildFrom) {
  BuildOptions bad = options("out:1");
  bad.layers = {};
  expect(bad, oci::ErrorKind::usage, "nothing to build from");
}

TEST_F(BadBuildTest, NoPlaceToBuildTo) {
  BuildOptions bad = options("out:1");
  bad.targets = {};
  expect(bad, oci::ErrorKind::usage, "no place");
}

TEST_F(BadBuildTest, ABaseThatIsMissing) {
  BuildOptions bad = options("out:1");
  bad.base = place("nobase:1");
  expect(bad, oci::ErrorKind::not_found, "nobase");
}

TEST_F(BadBuildTest, ABaseForAnotherPlatform) {
  BuildOptions below = options("base:1");
  below.platform = oci::Platform::parse("linux/s390x");
  build(below);
  BuildOptions bad = options("out:1");
  bad.base = place("base:1");
  bad.platform = oci::Platform::parse("linux/arm64");
  expect(bad, oci::ErrorKind::not_found, "linux/arm64");
}

TEST_F(BadBuildTest, DockersFormatWithZstd) {
  BuildOptions bad = options("out:1");
  bad.format = ImageFormat::docker;
  bad.compression = oci::Compression::parse("zstd");
  expect(bad, oci::ErrorKind::usage, "Docker");
}

TEST_F(BadBuildTest, DockersFormatWithAnnotations) {
  BuildOptions bad = options("out:1");
  bad.format = ImageFormat::docker;
  bad.annotations = {{"k", "v"}};
  expect(bad, oci::ErrorKind::usage, "annotations");
}

TEST_F(BadBuildTest, ATargetNamedByADigest) {
  BuildOptions bad = options("out:1");
  bad.targets = {place("out@sha256:" + std::string(64, '0'))};
  expect(bad, oci::ErrorKind::usage, "digest");
}

TEST_F(BadBuildTest, ATarballThatIsNone) {
  tests::write_file(directory_ / "text.tar", std::string(2000, 'x'));
  BuildOptions bad = options("out:1");
  bad.layers = {tarball("text.tar")};
  EXPECT_THROW(build(bad), oci::Error);
  EXPECT_EQ(open("out")->resolve({}, "1"), std::nullopt);
}

}  // namespace
}  // namespace davit::app
