#include "oci/layer/compression.hpp"

#include <gtest/gtest.h>

#include "oci/base/error.hpp"

namespace davit::oci {
namespace {

TEST(Compression, IsGzipWithoutALevelUnlessSaid) {
  EXPECT_EQ(Compression(), Compression::parse("gzip"));
  EXPECT_EQ(Compression().format(), LayerFormat::gzip);
  EXPECT_FALSE(Compression().level());
}

TEST(Compression, ReadsFormatAndLevel) {
  EXPECT_EQ(Compression::parse("zstd").format(), LayerFormat::zstd);
  EXPECT_FALSE(Compression::parse("zstd").level());
  EXPECT_EQ(Compression::parse("none").format(), LayerFormat::tar);
  EXPECT_EQ(Compression::parse("gzip:9").level(), 9);
  EXPECT_EQ(Compression::parse("zstd:22").level(), 22);
}

TEST(Compression, WritesWhatItReads) {
  for (const char* text : {"gzip", "gzip:1", "gzip:9", "zstd", "zstd:3", "zstd:19", "none"}) {
    EXPECT_EQ(Compression::parse(text).str(), text);
  }
}

TEST(Compression, TheDefaultOfGzipIsNotALevelOfZlib) {
  EXPECT_NE(Compression::parse("gzip"), Compression::parse("gzip:1"));
}

TEST(Compression, NamesTheMediaTypeOfOci) {
  EXPECT_EQ(Compression::parse("gzip:6").media_type(),
            "application/vnd.oci.image.layer.v1.tar+gzip");
  EXPECT_EQ(Compression::parse("zstd").media_type(), "application/vnd.oci.image.layer.v1.tar+zstd");
  EXPECT_EQ(Compression::parse("none").media_type(), "application/vnd.oci.image.layer.v1.tar");
}

class BadCompression : public testing::TestWithParam<const char*> {};

TEST_P(BadCompression, IsAnErrorOfUsage) {
  try {
    Compression::parse(GetParam());
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_FALSE(error.hint().empty());
  }
}

INSTANTIATE_TEST_SUITE_P(All, BadCompression,
                         testing::Values("", "gz", "GZIP", "gzip:", "gzip:0", "gzip:10", "gzip:-1",
                                         "gzip:+1", "gzip:6 ", "gzip: 6", "gzip:006", "gzip:6:6",
                                         "gzip:six", "zstd:", "zstd:0", "zstd:23", "zstd:-5",
                                         "zstd:99999999999", "none:", "none:1", ":3", "xz"));

TEST(Compression, AnErrorShowsNoControlCharacters) {
  try {
    Compression::parse("\x1b[2J");
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "'\\x1b[2J' is not a compression");
  }
}

}  // namespace
}  // namespace davit::oci
