#include "oci/image/built_layer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "oci/store/memory.hpp"
#include "tests/oci/store/images.hpp"
#include "tests/support/temp_dir.hpp"

namespace davit::tests {
namespace {

using namespace oci;
using testing::ElementsAre;

/// The states of each layer, in turn, each once.
class States final : public Progress {
 public:
  void update(const BlobEvent& event) override {
    if (states.empty() || states.back() != event.state) states.push_back(event.state);
  }
  std::vector<BlobState> states;
};

class BuildLayerTest : public testing::Test {
 protected:
  BuiltLayer build(const LayerInput& input) {
    states_.states.clear();
    const LayerCache none(compression_);
    CompressionPool pool(1);
    return build_layer({.progress = &states_}, input, "layer 1", {*to_, compression_, none, pool});
  }
  LayerInput tarball(const std::string& bytes) {
    write_file(directory_ / "layer.tar", bytes);
    return tarball_layer(directory_ / "layer.tar");
  }

  TempDir directory_;
  States states_;
  Compression compression_;
  std::unique_ptr<Store> to_ = make_memory_store("to");
  std::string tar_ = tar_of({{"a", "one"}});
};

TEST_F(BuildLayerTest, CompressesATarAndKnowsBothDigests) {
  LayerInput input = tarball(tar_);
  input.created_by = "a test";
  const BuiltLayer layer = build(input);
  EXPECT_EQ(layer.diff_id, digest_of(bytes_of(tar_)));
  EXPECT_EQ(layer.descriptor.digest, digest_of(bytes_of(fetched(*to_, layer.descriptor))));
  EXPECT_EQ(layer.created_by, "a test");
  EXPECT_THAT(states_.states, ElementsAre(BlobState::building, BlobState::done));
}

TEST_F(BuildLayerTest, SendsACompressedTarballAsItIsAndOnce) {
  const std::string blob = compressed(tar_, "zstd");
  const BuiltLayer layer = build(tarball(blob));
  EXPECT_EQ(layer.descriptor.media_type, media::oci_layer_zstd);
  EXPECT_EQ(fetched(*to_, layer.descriptor), blob);
  EXPECT_EQ(layer.diff_id, digest_of(bytes_of(tar_)));
  EXPECT_EQ(states_.states.back(), BlobState::done);
  build(tarball(blob));
  EXPECT_THAT(states_.states, ElementsAre(BlobState::checking, BlobState::exists));
}

TEST_F(BuildLayerTest, SendsNothingOfACompressedFileThatHoldsNoTar) {
  const std::string blob = compressed(std::string(2000, 'x'), "gzip");
  EXPECT_EQ(kind_thrown([&] { build(tarball(blob)); }), ErrorKind::corrupt);
  EXPECT_FALSE(to_->has({}, {.media_type = std::string(media::oci_layer_gzip),
                             .digest = digest_of(bytes_of(blob)),
                             .size = blob.size()}));
}

}  // namespace
}  // namespace davit::tests
