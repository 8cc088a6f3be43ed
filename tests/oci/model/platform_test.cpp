#include "oci/model/platform.hpp"

#include <gtest/gtest.h>

#include "oci/base/error.hpp"

namespace davit::oci {
namespace {

TEST(Platform, ReadsItsParts) {
  const Platform platform = Platform::parse("linux/arm/v7");
  EXPECT_EQ(platform.os, "linux");
  EXPECT_EQ(platform.architecture, "arm");
  EXPECT_EQ(platform.variant, "v7");
  EXPECT_EQ(Platform::parse("windows/amd64:10.0.17763.5206").os_version, "10.0.17763.5206");
}

TEST(Platform, KnowsTheOtherNamesOfArchitectures) {
  const std::vector<std::pair<std::string, std::string>> table = {
      {"linux/amd64", "linux/amd64"},
      {"linux/x86_64", "linux/amd64"},
      {"linux/x86-64", "linux/amd64"},
      {"linux/x86_64/v3", "linux/amd64/v3"},
      {"linux/aarch64", "linux/arm64"},
      {"linux/arm64/v8", "linux/arm64/v8"},
      {"linux/i386", "linux/386"},
      {"linux/i586", "linux/386"},
      {"linux/i686", "linux/386"},
      {"linux/armhf", "linux/arm/v7"},
      {"linux/armv7l", "linux/arm/v7"},
      {"linux/armv8l", "linux/arm/v8"},
      {"linux/armel", "linux/arm/v6"},
      {"linux/armv6l", "linux/arm/v6"},
      {"linux/armv5tel", "linux/arm/v5"},
      {"linux/ppc64el", "linux/ppc64le"},
      {"linux/mipsel", "linux/mipsle"},
      {"linux/mips64el", "linux/mips64le"},
      {"linux/loongarch64", "linux/loong64"},
      {"freebsd/riscv64", "freebsd/riscv64"},
      {"linux/arm/7", "linux/arm/v7"},
      {"linux/arm64/8", "linux/arm64/v8"},
  };
  for (const auto& [text, normal] : table) EXPECT_EQ(Platform::parse(text).str(), normal) << text;
}

TEST(Platform, RefusesWhatIsNone) {
  for (const std::string& text : std::vector<std::string>{
           "", "linux", "/", "linux/", "/amd64", "linux//v8", "linux/arm/", "linux/arm/v7/x",
           "Linux/amd64", "linux/amd64 ", "linux/am d64", "linux/amd64\n", "linux/\x1b", "linux/é",
           "linux/amd64:", "linux/amd64:\xff", "linux/amd64:1 2", ":1",
           std::string("linux/\0x", 8)}) {
    try {
      Platform::parse(text);
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage) << text;
      EXPECT_NE(error.hint(), "");
    }
  }
}

TEST(Platform, OfTheHostIsOneOfOurs) {
  const Platform host = Platform::host();
  EXPECT_EQ(host.os, "linux");
  EXPECT_EQ(Platform::parse(host.str()), host);
}

bool satisfies(std::string_view image, std::string_view wanted) {
  return Platform::parse(image).satisfies(Platform::parse(wanted));
}

TEST(Platform, SatisfiesWhatIsTheSame) {
  EXPECT_TRUE(satisfies("linux/amd64", "linux/amd64"));
  EXPECT_TRUE(satisfies("linux/arm/v6", "linux/arm/v6"));
  EXPECT_FALSE(satisfies("linux/amd64", "linux/arm64"));
  EXPECT_FALSE(satisfies("linux/amd64", "windows/amd64"));
  EXPECT_FALSE(satisfies("linux/arm/v6", "linux/arm/v7"));
  EXPECT_FALSE(satisfies("linux/arm/v7", "linux/arm/v6"));
}

TEST(Platform, HasADefaultForTheVariantThatIsMissing) {
  for (const auto& [brief, full] :
       std::vector<std::pair<std::string, std::string>>{{"linux/arm64", "linux/arm64/v8"},
                                                        {"linux/arm", "linux/arm/v7"},
                                                        {"linux/amd64", "linux/amd64/v1"}}) {
    EXPECT_TRUE(satisfies(brief, full)) << full;
    EXPECT_TRUE(satisfies(full, brief)) << full;
  }
  EXPECT_FALSE(satisfies("linux/arm", "linux/arm/v6"));
  EXPECT_FALSE(satisfies("linux/amd64", "linux/amd64/v2"));
  EXPECT_FALSE(satisfies("linux/ppc64le", "linux/ppc64le/power10"));
}

TEST(Platform, OfADocumentMayHaveAnotherName) {
  // Not through parse: images say such things themselves.
  const Platform image{.os = "linux", .architecture = "aarch64"};
  EXPECT_TRUE(image.satisfies(Platform::parse("linux/arm64")));
  const Platform eight{.os = "linux", .architecture = "arm64", .variant = "8"};
  EXPECT_TRUE(eight.satisfies(Platform::parse("linux/arm64")));
}

TEST(Platform, MatchesAVersionByItsParts) {
  EXPECT_TRUE(satisfies("windows/amd64:10.0.17763.5206", "windows/amd64"));
  EXPECT_TRUE(satisfies("windows/amd64:10.0.17763.5206", "windows/amd64:10.0.17763"));
  EXPECT_TRUE(satisfies("windows/amd64:10.0.17763.5206", "windows/amd64:10.0.17763.5206"));
  EXPECT_FALSE(satisfies("windows/amd64:10.0.17763.5206", "windows/amd64:10.0.1776"));
  EXPECT_FALSE(satisfies("windows/amd64", "windows/amd64:10.0.17763"));
}

std::string choices(std::string_view text) {
  std::string list;
  for (const Platform& platform : Platform::parse(text).choices()) list += platform.str() + " ";
  return list;
}

TEST(Platform, RunsImagesOfOlderVariants) {
  EXPECT_EQ(choices("linux/arm/v7"), "linux/arm/v7 linux/arm/v6 linux/arm/v5 ");
  EXPECT_EQ(choices("linux/arm"), "linux/arm linux/arm/v6 linux/arm/v5 ");
  EXPECT_EQ(choices("linux/amd64/v3"), "linux/amd64/v3 linux/amd64/v2 linux/amd64/v1 ");
  EXPECT_EQ(choices("linux/amd64"), "linux/amd64 ");
  EXPECT_EQ(choices("linux/arm64/v9"), "linux/arm64/v9 linux/arm64/v8 ");
  EXPECT_EQ(choices("linux/s390x/z15"), "linux/s390x/z15 ");
}

}  // namespace
}  // namespace davit::oci
