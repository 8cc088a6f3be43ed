#include "oci/image/layer_input.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "oci/base/error.hpp"
#include "oci/layer/gzip.hpp"
#include "oci/layer/layer.hpp"
#include "tests/support/errors.hpp"
#include "tests/support/temp_dir.hpp"

namespace davit::oci {
namespace {

using tests::error_of;
using tests::kind_of;

class LayerInputTest : public testing::Test {
 protected:
  LayerInputTest() { tests::write_file(directory_ / "rootfs/etc/hostname", "davit\n"); }

  static std::string tar_of(const LayerInput& input) { return compressed_of(input, "none"); }
  static std::string compressed_of(const LayerInput& input, const std::string& how) {
    std::string text;
    FunctionSink sink([&](Bytes bytes) { text += text_of(bytes); });
    CompressionPool pool(1);
    write_layer(input.tar, Compression::parse(how), pool, sink);
    return text;
  }
  LayerInput tree() const {
    TreeOptions options;
    options.clamp_mtime = 0;
    return tree_layers(directory_ / "rootfs", options).at(0);
  }

  tests::TempDir directory_;
};

TEST_F(LayerInputTest, ATreeIsItsTarAsOftenAsItIsAskedFor) {
  const LayerInput input = tree();
  EXPECT_FALSE(input.compressed);
  EXPECT_NE(tar_of(input), "");
  EXPECT_EQ(tar_of(input), tar_of(input));
}

TEST_F(LayerInputTest, ATarballIsItsBytes) {
  const std::string tar = tar_of(tree());
  tests::write_file(directory_ / "plain.tar", tar);
  const LayerInput input = tarball_layer(directory_ / "plain.tar");
  EXPECT_FALSE(input.compressed);
  EXPECT_EQ(tar_of(input), tar);
}

TEST_F(LayerInputTest, ACompressedTarballIsSentAsItIs) {
  const LayerInput source = tree();
  for (const auto& [how, type] :
       {std::pair("gzip", media::oci_layer_gzip), std::pair("zstd", media::oci_layer_zstd)}) {
    const std::string blob = compressed_of(source, how);
    tests::write_file(directory_ / "layer.tar.x", blob);
    const LayerInput input = tarball_layer(directory_ / "layer.tar.x");
    ASSERT_TRUE(input.compressed);
    EXPECT_EQ(input.compressed->media_type, type);
    EXPECT_EQ(input.compressed->size, blob.size());
    StringSink sent(1 * MiB, "blob");
    input.compressed->blob({}, sent);
    EXPECT_EQ(sent.text(), blob);
    EXPECT_EQ(tar_of(input), tar_of(source));
  }
}

TEST_F(LayerInputTest, ATarballIsOpenedOnce) {
  tests::write_file(directory_ / "plain.tar", tar_of(tree()));
  const LayerInput input = tarball_layer(directory_ / "plain.tar");
  std::filesystem::remove(directory_ / "plain.tar");
  EXPECT_EQ(tar_of(input), tar_of(tree()));
}

TEST_F(LayerInputTest, WhatIsNoTarIsFoundWhileItIsRead) {
  tests::write_file(directory_ / "text.tar", std::string(2000, 'x'));
  const LayerInput input = tarball_layer(directory_ / "text.tar");
  EXPECT_EQ(kind_of([&] { tar_of(input); }), ErrorKind::corrupt);
}

TEST_F(LayerInputTest, ALargeTreeIsSeveralLayers) {
  for (const char* name : {"a", "b", "c", "d"}) {
    tests::write_file(directory_ / "rootfs" / name / "file", std::string(100'000, 'x'));
  }
  TreeOptions options;
  EXPECT_EQ(tree_layers(directory_ / "rootfs", options, 0).size(), 1u);
  EXPECT_GT(tree_layers(directory_ / "rootfs", options, 150'000).size(), 2u);
}

TEST_F(LayerInputTest, WhatIsMissingIsSaidAtOnce) {
  const auto absent = directory_ / "absent";
  EXPECT_EQ(kind_of([&] { tree_layers(absent, {}); }), ErrorKind::not_found);
  EXPECT_EQ(kind_of([&] { tarball_layer(absent); }), ErrorKind::not_found);
}

TEST_F(LayerInputTest, OneKindInPlaceOfTheOtherIsSaidWithAdvice) {
  const auto file_as_tree = error_of([&] { tree_layers(directory_ / "rootfs/etc/hostname", {}); });
  ASSERT_TRUE(file_as_tree);
  EXPECT_EQ(file_as_tree->kind(), ErrorKind::usage);
  EXPECT_EQ(file_as_tree->advice(), Advice::name_tarball);
  const auto tree_as_file = error_of([&] { tarball_layer(directory_ / "rootfs"); });
  ASSERT_TRUE(tree_as_file);
  EXPECT_EQ(tree_as_file->kind(), ErrorKind::usage);
  EXPECT_EQ(tree_as_file->advice(), Advice::name_tree);
}

}  // namespace
}  // namespace davit::oci
