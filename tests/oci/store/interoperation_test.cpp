// Layouts and archives that other tools write are read, and the other way round. A tool that is
// not installed is passed over.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "oci/base/process.hpp"
#include "oci/model/config.hpp"
#include "oci/store/archive.hpp"
#include "oci/store/copy.hpp"
#include "oci/store/layout.hpp"
#include "tests/oci/store/images.hpp"
#include "tests/support/temp_dir.hpp"

namespace davit::tests {
namespace {

using namespace oci;
using testing::ElementsAre;
namespace fs = std::filesystem;

bool is_installed(const char* tool) {
  try {
    return run_process({}, {tool, "--version"}, "").status == 0;
  } catch (const Error&) {
    return false;
  }
}

void run(const std::vector<std::string>& arguments) {
  const ProcessResult result = run_process({}, arguments, "", {.time = std::chrono::seconds(60)});
  ASSERT_EQ(result.status, 0) << arguments[0] << ": " << result.errors;
}

void skopeo_copy(const std::string& from, const std::string& to) {
  run({"skopeo", "--insecure-policy", "copy", "--all", "--preserve-digests", from, to});
}

/// An image that every tool can unpack: two layers, compressed in two ways.
Descriptor put_real_image(Store& store, std::string_view tag) {
  ConfigChanges changes{.platform = Platform::host(), .created = "2020-01-01T00:00:00Z"};
  Manifest manifest{.media_type = std::string(media::oci_manifest)};
  for (const char* name : {"one", "two"}) {
    const std::string tar = tar_of({{name, noise(100'000, 1)}, {"both", name}});
    changes.layers.push_back({digest_of(bytes_of(tar)), name});
    manifest.layers.push_back(put(store, media::oci_layer_gzip, compressed(tar, "gzip")));
  }
  manifest.config = put(store, media::oci_config, derive_config({}, changes));
  const std::string bytes = to_json(manifest);
  const Descriptor descriptor = describe(media::oci_manifest, bytes);
  store.tag({}, descriptor, content_of(bytes), tag);
  return descriptor;
}

class WithSkopeo : public testing::Test {
 protected:
  void SetUp() override {
    if (!is_installed("skopeo")) GTEST_SKIP() << "skopeo is not installed";
  }
  std::string place(const char* kind, const char* name, const char* tag) const {
    return std::string(kind) + ":" + (dir_ / name).native() + ":" + tag;
  }
  TempDir dir_;
};

TEST_F(WithSkopeo, LayoutsGoThereAndBack) {
  const Descriptor image = put_real_image(*open_layout({}, dir_ / "ours", OpenMode::create), "1.2");
  skopeo_copy(place("oci", "ours", "1.2"), place("oci", "theirs", "docker.io/library/x:3"));
  const auto theirs = open_layout({}, dir_ / "theirs", OpenMode::existing);
  EXPECT_EQ(require({}, *theirs, "3").digest, image.digest);
  EXPECT_EQ(require({}, *theirs, "").digest, image.digest);
  EXPECT_TRUE(is_complete(*theirs, image));
}

TEST_F(WithSkopeo, ArchivesGoThereAndBack) {
  const auto ours = open_archive({}, dir_ / "ours.tar", OpenMode::create);
  const Descriptor image = put_real_image(*ours, "1.2");
  ours->commit({});
  skopeo_copy(place("oci-archive", "ours.tar", "1.2"), place("oci-archive", "theirs.tar", "1.3"));
  const auto theirs = open_archive({}, dir_ / "theirs.tar", OpenMode::existing);
  EXPECT_THAT(theirs->tags({}), ElementsAre("1.3"));
  EXPECT_EQ(require({}, *theirs, "1.3").digest, image.digest);
  EXPECT_TRUE(is_complete(*theirs, image));
}

TEST_F(WithSkopeo, WritesIntoALayoutOfOurs) {
  const auto ours = open_layout({}, dir_ / "ours", OpenMode::create);
  put_real_image(*ours, "1");
  skopeo_copy(place("oci", "ours", "1"), place("oci", "ours", "2"));
  put_real_image(*ours, "3");
  EXPECT_THAT(ours->tags({}), ElementsAre("1", "2", "3"));
}

TEST_F(WithSkopeo, ReadsAnIndexWithoutATag) {
  const auto ours = open_layout({}, dir_ / "ours", OpenMode::create);
  Descriptor image = put_real_image(*ours, "1");
  ours->remove({}, "1");
  image.platform = Platform::host();
  const Descriptor index = put_index(*ours, {image});
  run({"skopeo", "--insecure-policy", "copy", "--all", "oci:" + (dir_ / "ours").native(),
       place("oci", "theirs", "all")});
  const auto theirs = open_layout({}, dir_ / "theirs", OpenMode::existing);
  EXPECT_EQ(require({}, *theirs, "all").digest, index.digest);
  EXPECT_TRUE(theirs->resolve({}, image.digest.str()));
}

TEST(WithTar, APackedLayoutIsAnArchive) {
  const TempDir dir;
  const Descriptor image = put_real_image(*open_layout({}, dir / "ours", OpenMode::create), "1");
  for (const std::string& option : {std::string("-cf"), std::string("-czf"), std::string("-cJf")}) {
    const std::string file = dir / "packed.tar";
    run({"tar", "-C", dir / "ours", option, file, "."});
    const auto packed = open_archive({}, file, OpenMode::existing);
    EXPECT_EQ(require({}, *packed, "1").digest, image.digest) << option;
    EXPECT_TRUE(is_complete(*packed, image));
  }
}

TEST(WithTar, AnUnpackedArchiveIsALayout) {
  const TempDir dir;
  const auto archive = open_archive({}, dir / "ours.tar", OpenMode::create);
  const Descriptor image = put_real_image(*archive, "1");
  archive->commit({});
  fs::create_directory(dir / "unpacked");
  run({"tar", "-C", dir / "unpacked", "-xf", dir / "ours.tar"});
  EXPECT_TRUE(is_complete(*open_layout({}, dir / "unpacked", OpenMode::existing), image));
}

TEST(WithUmoci, LayoutsGoBothWays) {
  if (!is_installed("umoci")) GTEST_SKIP() << "umoci is not installed";
  const TempDir dir;
  const std::string theirs = dir / "theirs";
  run({"umoci", "init", "--layout", theirs});
  const auto layout = open_layout({}, theirs, OpenMode::existing);
  EXPECT_FALSE(layout->resolve({}, ""));
  const Descriptor image = put_real_image(*layout, "1");
  run({"umoci", "tag", "--image", theirs + ":1", "2"});
  EXPECT_EQ(require({}, *layout, "2").digest, image.digest);
  run({"umoci", "config", "--image", theirs + ":1", "--tag", "3", "--config.user", "nobody"});
  EXPECT_TRUE(is_complete(*layout, require({}, *layout, "3")));
  run({"umoci", "raw", "unpack", "--rootless", "--image", theirs + ":1", dir / "root"});
  EXPECT_TRUE(fs::exists(dir / "root" / "one"));
  run({"umoci", "gc", "--layout", theirs});
  EXPECT_TRUE(is_complete(*layout, image));
}

}  // namespace
}  // namespace davit::tests
