#include "oci/model/media_type.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace davit::oci {
namespace {

TEST(MediaType, TellsDocumentsFromBlobs) {
  for (const auto type : {media::oci_index, media::docker_list}) {
    EXPECT_TRUE(is_index(type) && is_document(type) && !is_manifest(type)) << type;
  }
  for (const auto type : {media::oci_manifest, media::docker_manifest}) {
    EXPECT_TRUE(is_manifest(type) && is_document(type) && !is_index(type)) << type;
  }
  for (const std::string_view type :
       {media::oci_config, media::docker_config, media::oci_layer_gzip, media::oci_empty,
        std::string_view(), std::string_view("application/json"),
        std::string_view("application/vnd.docker.distribution.manifest.v1+prettyjws"),
        std::string_view("application/vnd.oci.image.manifest.v1+json; charset=utf-8")}) {
    EXPECT_FALSE(is_document(type)) << type;
  }
}

TEST(MediaType, TellsALayersFormat) {
  const std::vector<std::pair<std::string, LayerFormat>> table = {
      {"application/vnd.oci.image.layer.v1.tar", LayerFormat::tar},
      {"application/vnd.oci.image.layer.v1.tar+gzip", LayerFormat::gzip},
      {"application/vnd.oci.image.layer.v1.tar+zstd", LayerFormat::zstd},
      {"application/vnd.oci.image.layer.nondistributable.v1.tar", LayerFormat::tar},
      {"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", LayerFormat::gzip},
      {"application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", LayerFormat::zstd},
      {"application/vnd.docker.image.rootfs.diff.tar", LayerFormat::tar},
      {"application/vnd.docker.image.rootfs.diff.tar.gzip", LayerFormat::gzip},
      {"application/vnd.docker.image.rootfs.diff.tar.zstd", LayerFormat::zstd},
      {"application/vnd.docker.image.rootfs.foreign.diff.tar", LayerFormat::tar},
      {"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", LayerFormat::gzip},
  };
  for (const auto& [type, format] : table) {
    ASSERT_TRUE(layer_format(type)) << type;
    EXPECT_EQ(*layer_format(type), format) << type;
  }
}

TEST(MediaType, GivesNoFormatToWhatItCannotOpen) {
  for (const char* type :
       {"", "application/octet-stream", "application/vnd.oci.image.config.v1+json",
        "application/vnd.oci.image.layer.v1.tar+encrypted",
        "application/vnd.oci.image.layer.v1.tar+gzip+encrypted",
        "application/vnd.oci.image.layer.v1.tarball+gzip",
        "application/vnd.oci.image.layer.v1.tar+bzip2", "application/vnd.in-toto+gzip",
        "application/vnd.cncf.helm.chart.content.v1.tar+gzip"}) {
    EXPECT_FALSE(layer_format(type)) << type;
  }
}

TEST(MediaType, KnowsLayersThatStayWhereTheyAre) {
  EXPECT_TRUE(is_nondistributable("application/vnd.oci.image.layer.nondistributable.v1.tar+zstd"));
  EXPECT_TRUE(is_nondistributable("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"));
  EXPECT_FALSE(is_nondistributable(media::oci_layer_gzip));
  EXPECT_FALSE(is_nondistributable(media::docker_layer_gzip));
}

TEST(MediaType, LosesItsParameters) {
  EXPECT_EQ(without_parameters("application/json; charset=utf-8"), "application/json");
  EXPECT_EQ(without_parameters("application/json \t;x"), "application/json");
  EXPECT_EQ(without_parameters("application/json"), "application/json");
  EXPECT_EQ(without_parameters(";"), "");
  EXPECT_EQ(without_parameters(""), "");
}

TEST(MediaType, HasAWordForPeople) {
  EXPECT_EQ(kind_of(media::docker_list), "index");
  EXPECT_EQ(kind_of(media::docker_manifest), "manifest");
  EXPECT_EQ(kind_of(media::oci_layer_zstd), "layer");
  EXPECT_EQ(kind_of(media::oci_config), "config");
  EXPECT_EQ(kind_of(media::docker_config), "config");
  EXPECT_EQ(kind_of("application/spdx+json"), "blob");
}

}  // namespace
}  // namespace davit::oci
