#include "oci/store/docker_archive.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "oci/base/error.hpp"
#include "oci/layer/tar_header.hpp"
#include "oci/store/archive.hpp"
#include "tests/oci/store/images.hpp"
#include "tests/support/temp_dir.hpp"

namespace davit::tests {
namespace {

using namespace oci;
using testing::ElementsAre;

/// What docker save wrote: a directory for each layer, and links to what is there already.
class DockerArchiveReading : public testing::Test {
 protected:
  struct Member {
    std::string path;
    std::string text;
    EntryType type = EntryType::file;
  };

  std::unique_ptr<Store> open() const {
    std::string tar;
    for (const Member& member : members_) {
      const bool file = member.type == EntryType::file;
      append_tar_header({.type = member.type,
                         .path = member.path,
                         .link_target = file ? "" : member.text,
                         .mode = 0644,
                         .size = file ? member.text.size() : 0},
                        tar);
      if (file) tar += member.text + std::string((512 - member.text.size() % 512) % 512, '\0');
    }
    write_file(path_, tar + std::string(1024, '\0'));
    return open_archive({}, path_, OpenMode::existing);
  }
  static std::string config_of(const std::vector<std::string>& layers) {
    std::string ids;
    for (const std::string& layer : layers) {
      ids += (ids.empty() ? "\"" : ",\"") + digest_of(bytes_of(layer)).str() + "\"";
    }
    return R"({"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[)" + ids +
           "]}}";
  }
  void expect_corrupt(std::string_view text) const {
    EXPECT_EQ(kind_thrown([&] { open(); }, text), ErrorKind::corrupt);
  }

  TempDir dir_;
  std::filesystem::path path_ = dir_ / "saved.tar";
  std::string first_ = tar_of({{"a", "one"}});
  std::string second_ = tar_of({{"b", "two"}});
  std::vector<Member> members_ = {
      {"one/layer.tar", first_},
      {"two/layer.tar", second_},
      {"app.json", config_of({first_, second_})},
      {"manifest.json", R"([{"Config":"app.json","RepoTags":["alpine:3","localhost:5000/x:1"],)"
                        R"("Layers":["one/layer.tar","two/layer.tar"]}])"},
  };
};

TEST_F(DockerArchiveReading, MakesAManifestOfConfigAndLayers) {
  const auto store = open();
  EXPECT_THAT(store->tags({}), ElementsAre("docker.io/library/alpine:3", "localhost:5000/x:1"));
  const Descriptor root = require({}, *store, "docker.io/library/alpine:3");
  const auto manifest =
      std::get<Manifest>(parse_document(root.media_type, fetched(*store, root), "manifest"));
  EXPECT_EQ(fetched(*store, manifest.config), members_[2].text);
  ASSERT_EQ(manifest.layers.size(), 2u);
  EXPECT_EQ(fetched(*store, manifest.layers[0]), first_);
  EXPECT_EQ(fetched(*store, manifest.layers[1]), second_);
  EXPECT_TRUE(is_complete(*store, root));
}

TEST_F(DockerArchiveReading, BlamesTheArchiveForANameThatIsNone) {
  members_[3].text = R"([{"Config":"app.json","RepoTags":["NOT A NAME"],)"
                     R"("Layers":["one/layer.tar","two/layer.tar"]}])";
  expect_corrupt("RepoTags");
}

TEST_F(DockerArchiveReading, MakesTheSameManifestEachTime) {
  EXPECT_EQ(require({}, *open(), "localhost:5000/x:1").digest,
            require({}, *open(), "localhost:5000/x:1").digest);
}

TEST_F(DockerArchiveReading, FollowsLinksToLayers) {
  members_[1] = {"two/layer.tar", "../other/layer.tar", EntryType::symlink};
  members_.push_back({"other/layer.tar", "shared.tar", EntryType::hardlink});
  members_.push_back({"shared.tar", second_});
  const auto store = open();
  EXPECT_TRUE(is_complete(*store, require({}, *store, "localhost:5000/x:1")));
}

TEST_F(DockerArchiveReading, FindsAnImageWithoutAName) {
  members_[3].text =
      R"([{"Config":"app.json","RepoTags":null,"Layers":["one/layer.tar","two/layer.tar"]}])";
  const auto store = open();
  EXPECT_TRUE(is_complete(*store, require({}, *store, "")));
}

TEST_F(DockerArchiveReading, TakesLayersThatAreCompressed) {
  members_[0].text = compressed(first_, "gzip");
  const auto store = open();
  const Descriptor root = require({}, *store, "localhost:5000/x:1");
  const auto manifest =
      std::get<Manifest>(parse_document(root.media_type, fetched(*store, root), "manifest"));
  EXPECT_EQ(manifest.layers[0].media_type, media::oci_layer_gzip);
  EXPECT_EQ(fetched(*store, manifest.layers[0]), members_[0].text);
}

TEST_F(DockerArchiveReading, NamesAFileThatIsMissing) {
  members_.erase(members_.begin() + 1);
  expect_corrupt("manifest.json names two/layer.tar");
}

TEST_F(DockerArchiveReading, RefusesLinksInACircle) {
  members_[0] = {"one/layer.tar", "../two/layer.tar", EntryType::symlink};
  members_[1] = {"two/layer.tar", "../one/layer.tar", EntryType::symlink};
  expect_corrupt("names one/layer.tar");
}

TEST_F(DockerArchiveReading, RefusesAnotherNumberOfLayersThanTheConfigHas) {
  members_[2].text = config_of({first_});
  expect_corrupt("has 1 layers, manifest.json 2");
}

TEST_F(DockerArchiveReading, FindsLayersThatAreNotWhatTheConfigSays) {
  members_[2].text = config_of({"other", second_});
  const auto store = open();
  EXPECT_FALSE(is_complete(*store, require({}, *store, "localhost:5000/x:1")));
}

TEST_F(DockerArchiveReading, RefusesAManifestThatIsNoListOfImages) {
  for (const char* text : {"{}", "[1]", R"([{"Config":1}])", R"([{"Layers":[1]}])", "[", ""}) {
    members_[3].text = text;
    expect_corrupt("manifest.json");
  }
}

}  // namespace
}  // namespace davit::tests
