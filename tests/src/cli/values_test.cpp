#include "src/cli/values.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "oci/base/error.hpp"

namespace davit::app {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

template <class Action>
void expect_usage_error(Action&& action, const std::string& named) {
  try {
    action();
    FAIL() << "nothing was thrown for " << named;
  } catch (const oci::Error& error) {
    EXPECT_EQ(error.kind(), oci::ErrorKind::usage);
    EXPECT_NE(std::string(error.what()).find(named), std::string::npos) << error.what();
  }
}

TEST(Words, AreSplitAtBlanksOutsideQuotes) {
  EXPECT_THAT(parse_words("--cmd", "a  b\tc"), ElementsAre("a", "b", "c"));
  EXPECT_THAT(parse_words("--cmd", "sh -c 'echo \"hi there\"'"),
              ElementsAre("sh", "-c", "echo \"hi there\""));
  EXPECT_THAT(parse_words("--cmd", "a\\ b \"c \\\" d\""), ElementsAre("a b", "c \" d"));
  EXPECT_THAT(parse_words("--cmd", "''"), ElementsAre(""));
  EXPECT_THAT(parse_words("--cmd", "  "), IsEmpty());
}

TEST(Words, KeepABackslashInSingleQuotes) {
  EXPECT_THAT(parse_words("--cmd", "'a\\b'"), ElementsAre("a\\b"));
}

TEST(Words, MayBeAJsonArray) {
  EXPECT_THAT(parse_words("--cmd", R"(["sh", "-c", "echo a b"])"),
              ElementsAre("sh", "-c", "echo a b"));
  EXPECT_THAT(parse_words("--cmd", "[]"), IsEmpty());
}

TEST(Words, ThatAreNotCompleteAreAnError) {
  expect_usage_error([] { parse_words("--cmd", "'open"); }, "--cmd");
  expect_usage_error([] { parse_words("--cmd", "[1, 2]"); }, "--cmd");
  expect_usage_error([] { parse_words("--cmd", "[\"a\""); }, "--cmd");
}

TEST(Assignments, MapNamesToValues) {
  const auto map = parse_assignments("--label", {"a=1", "b=x=y", "a=2", "empty="});
  EXPECT_THAT(map, ElementsAre(testing::Pair("a", "2"), testing::Pair("b", "x=y"),
                               testing::Pair("empty", "")));
}

TEST(Assignments, NeedANameAndAnEqualsSign) {
  expect_usage_error([] { parse_assignments("--label", {"noequals"}); }, "noequals");
  expect_usage_error([] { parse_assignments("--label", {"=value"}); }, "--label");
}

TEST(Choice, IsItsPlaceInTheList) {
  EXPECT_EQ(parse_choice("--format", "docker", {"oci", "docker"}), 1u);
  expect_usage_error([] { parse_choice("--format", "rkt", {"oci", "docker"}); }, "oci, docker");
}

TEST(Healthcheck, IsNoneAnArrayOrALine) {
  EXPECT_THAT(parse_healthcheck("none"), ElementsAre("NONE"));
  EXPECT_THAT(parse_healthcheck("curl -f http://localhost"),
              ElementsAre("CMD-SHELL", "curl -f http://localhost"));
  EXPECT_THAT(parse_healthcheck(R"(["/check", "-q"])"), ElementsAre("CMD", "/check", "-q"));
}

TEST(Port, HasTcpByDefault) {
  EXPECT_EQ(parse_port("--expose", "80"), "80/tcp");
  EXPECT_EQ(parse_port("--expose", "53/udp"), "53/udp");
}

TEST(Port, OutsideItsRangeIsAnError) {
  for (const char* text : {"0", "65536", "-1", "http", "80/icmp", "", "80/"}) {
    expect_usage_error([&] { parse_port("--expose", text); }, "--expose");
  }
}

TEST(Owner, IsTwoNumbers) {
  const oci::Owner owner = parse_owner("--owner", "1000:4294967295");
  EXPECT_EQ(owner.uid, 1000u);
  EXPECT_EQ(owner.gid, 4294967295u);
  for (const char* text : {"root:root", "1000", "1:-1", ":", "1:2:3", "4294967296:0"}) {
    expect_usage_error([&] { parse_owner("--owner", text); }, "--owner");
  }
}

TEST(Size, IsBytesOrPowersOf1024) {
  EXPECT_EQ(parse_size("--chunk-size", "0"), 0u);
  EXPECT_EQ(parse_size("--chunk-size", "1048577"), 1048577u);
  EXPECT_EQ(parse_size("--chunk-size", "5B"), 5u);
  for (const char* text : {"10M", "10m", "10MiB"}) {
    EXPECT_EQ(parse_size("--chunk-size", text), 10u << 20) << text;
  }
  EXPECT_EQ(parse_size("--chunk-size", "10MB"), 10'000'000u);
  EXPECT_EQ(parse_size("--chunk-size", "1K"), 1024u);
  EXPECT_EQ(parse_size("--chunk-size", "3G"), 3ull << 30);
  EXPECT_EQ(parse_size("--chunk-size", "16777215T"), 16777215ull << 40);
  for (const char* text : {"", "M", "iB", "5iB", "-1", "1.5M", "10 M", "16777216T", "1MM"}) {
    expect_usage_error([&] { parse_size("--chunk-size", text); }, "--chunk-size");
  }
}

TEST(Created, IsTheEpochUnlessSomethingIsSaid) {
  EXPECT_EQ(parse_created("", std::nullopt), "1970-01-01T00:00:00Z");
  EXPECT_EQ(parse_created("", 1'700'000'000), "2023-11-14T22:13:20Z");
  EXPECT_EQ(parse_created("epoch", 1'700'000'000), "1970-01-01T00:00:00Z");
}

TEST(Created, TakesRfc3339AsItIs) {
  for (const char* text :
       {"2024-05-06T07:08:09Z", "2024-05-06T07:08:09.123Z", "2024-05-06T07:08:09+02:00"}) {
    EXPECT_EQ(parse_created(text, std::nullopt), text);
  }
  for (const char* text : {"yesterday", "2024-05-06", "2024-05-06T07:08:09", "2024-13-06T07:08:09Z",
                           "2024-05-06T07:08:09.Z", "2024-05-06T07:08:09Zjunk",
                           " 206-01-02T15:04:05Z", "2024-1-002T15:04:05Z", "2024-02-30T00:00:00Z",
                           "2024-05-06T+7:08:09Z", "2024-05-06T24:00:00Z", "2024-05-06T07:08:61Z",
                           "2024-05-06T07:08:09+24:00", "2024-05-06T07:08:09+02:60"}) {
    expect_usage_error([&] { parse_created(text, std::nullopt); }, "--created");
  }
}

TEST(SourceDateEpoch, IsReadFromTheEnvironment) {
  ::setenv("SOURCE_DATE_EPOCH", "1700000000", 1);
  EXPECT_EQ(source_date_epoch(), 1'700'000'000);
  ::setenv("SOURCE_DATE_EPOCH", "", 1);
  EXPECT_EQ(source_date_epoch(), std::nullopt);
  for (const char* text : {"soon", "-5", "1e9", "99999999999999"}) {
    ::setenv("SOURCE_DATE_EPOCH", text, 1);
    expect_usage_error([] { source_date_epoch(); }, "SOURCE_DATE_EPOCH");
  }
  ::unsetenv("SOURCE_DATE_EPOCH");
  EXPECT_EQ(source_date_epoch(), std::nullopt);
}

}  // namespace
}  // namespace davit::app
