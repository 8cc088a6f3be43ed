#include "transport/auth/challenge.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace davit::transport {
namespace {

std::vector<Challenge> parse(std::string_view field) {
  return parse_challenges(Headers{{"WWW-Authenticate", std::string(field)}});
}

/// "scheme{name=value;name=value} scheme{}": what a test compares.
std::string shown(const std::vector<Challenge>& challenges) {
  std::string text;
  for (const Challenge& challenge : challenges) {
    if (!text.empty()) text += ' ';
    text += challenge.scheme + '{';
    for (const auto& [name, value] : challenge.parameters) text += name + '=' + value + ';';
    text += '}';
  }
  return text;
}

struct Row {
  const char* field;
  const char* expected;
};

TEST(Challenge, IsReadFromWhatRegistriesSend) {
  const Row rows[] = {
      {R"(Bearer realm="https://auth.docker.io/token",service="registry.docker.io",)"
       R"(scope="repository:library/python:pull")",
       "bearer{realm=https://auth.docker.io/token;scope=repository:library/python:pull;"
       "service=registry.docker.io;}"},
      {R"(Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="repository:a/b:pull,push")",
       "bearer{realm=https://ghcr.io/token;scope=repository:a/b:pull,push;service=ghcr.io;}"},
      {R"(Basic realm="https://1.dkr.ecr.eu-west-1.amazonaws.com/",service="ecr.amazonaws.com")",
       "basic{realm=https://1.dkr.ecr.eu-west-1.amazonaws.com/;service=ecr.amazonaws.com;}"},
      {R"(Basic realm="Registry Realm")", "basic{realm=Registry Realm;}"},
      {R"(Bearer realm="https://r/t",service="s",error="invalid_token")",
       "bearer{error=invalid_token;realm=https://r/t;service=s;}"},
      {"Basic", "basic{}"},
      {"Negotiate", "negotiate{}"},
  };
  for (const Row& row : rows) EXPECT_EQ(shown(parse(row.field)), row.expected) << row.field;
}

TEST(Challenge, NamesAreReadWithoutCase) {
  EXPECT_EQ(shown(parse(R"(BEARER Realm="https://r/T",SERVICE=S)")),
            "bearer{realm=https://r/T;service=S;}");
}

TEST(Challenge, QuotedValuesAreUnescaped) {
  EXPECT_EQ(shown(parse(R"(Basic realm="a \"b\" \\ c, d=e")")), R"(basic{realm=a "b" \ c, d=e;})");
}

TEST(Challenge, SeveralMayStandInOneField) {
  EXPECT_EQ(shown(parse(R"(Negotiate, Basic realm="x", Bearer realm="y", service="z")")),
            "negotiate{} basic{realm=x;} bearer{realm=y;service=z;}");
}

TEST(Challenge, SeveralMayStandInSeveralFields) {
  const Headers headers{{"WWW-Authenticate", R"(Basic realm="x")"},
                        {"Content-Type", "text/plain"},
                        {"www-authenticate", R"(Bearer realm="y")"}};
  EXPECT_EQ(shown(parse_challenges(headers)), "basic{realm=x;} bearer{realm=y;}");
}

TEST(Challenge, BlanksAndSurplusCommasDoNotMatter) {
  EXPECT_EQ(shown(parse(R"( ,, Bearer  realm = "x" ,, service="y" , )")),
            "bearer{realm=x;service=y;}");
}

TEST(Challenge, MissingCommasAreForgiven) {
  EXPECT_EQ(shown(parse(R"(Bearer realm="x" service="y" Basic realm="z")")),
            "bearer{realm=x;service=y;} basic{realm=z;}");
}

TEST(Challenge, TheFirstOfTwoEqualParametersCounts) {
  EXPECT_EQ(shown(parse(R"(Bearer realm="https://good/",realm="https://evil/")")),
            "bearer{realm=https://good/;}");
}

TEST(Challenge, AParameterThatIsNotThereIsEmpty) {
  EXPECT_EQ(parse(R"(Basic realm="x")").at(0).parameter("service"), "");
}

TEST(Challenge, WhatIsNotValidIsLeftOut) {
  const Row rows[] = {
      {"", ""},
      {" , ,", ""},
      {R"(realm="x")", ""},
      {R"("Basic realm=x")", ""},
      {R"("Basic realm=x", Bearer realm="y")", "bearer{realm=y;}"},
      {"Bearer realm=\"unclosed", "bearer{}"},
      {"Bearer realm=\"unclosed\\", "bearer{}"},
      {"Bearer realm=\"unclosed\\\"", "bearer{}"},
      {"Bearer realm=\"a\nb\",service=s", "bearer{service=s;}"},
      {"Bearer realm=\"a\x7f\",service=s", "bearer{service=s;}"},
      {"Bearer realm=, service=s", "bearer{realm=;service=s;}"},
      {"Bearer =x, service=s", ""},
      {"Bearer @@@ service=s", "bearer{service=s;}"},
      {"\xff\xfe Bearer service=s", "bearer{service=s;}"},
  };
  for (const Row& row : rows) EXPECT_EQ(shown(parse(row.field)), row.expected) << row.field;
}

TEST(Challenge, NoMoreThanSixteenAreRead) {
  std::string field;
  for (int i = 0; i < 1000; ++i) field += "S" + std::to_string(i) + " a=b,";
  const auto challenges = parse(field);
  ASSERT_EQ(challenges.size(), 16u);
  EXPECT_EQ(shown({challenges.back()}), "s15{a=b;}");
}

TEST(Challenge, NoMoreThanSixteenParametersAreRead) {
  std::string field = "Bearer ";
  for (int i = 0; i < 1000; ++i) field += "p" + std::to_string(i) + "=v,";
  EXPECT_EQ(parse(field).at(0).parameters.size(), 16u);
}

TEST(Challenge, NoMoreThanSixteenFieldsAreRead) {
  Headers headers;
  for (int i = 0; i < 1000; ++i) headers.add("WWW-Authenticate", ",");
  headers.add("WWW-Authenticate", "Basic realm=x");
  EXPECT_TRUE(parse_challenges(headers).empty());
}

TEST(Challenge, NoMoreThan8KiBOfAFieldAreRead) {
  const std::string blanks(8192, ' ');
  EXPECT_TRUE(parse(blanks + "Basic realm=x").empty());
  EXPECT_EQ(parse(blanks.substr(20) + "Basic realm=x").size(), 1u);
}

TEST(Challenge, NoInputThrowsOrPassesTheLimits) {
  std::mt19937 random(1);
  constexpr std::string_view alphabet = "aB \t,=\"\\\n\x01\xff:/;Basic Bearer realm=";
  for (int round = 0; round < 20'000; ++round) {
    std::string field;
    for (std::size_t length = random() % 64; length > 0; --length) {
      field += alphabet[random() % alphabet.size()];
    }
    const auto challenges = parse(field);
    ASSERT_LE(challenges.size(), 16u);
    for (const Challenge& challenge : challenges) {
      ASSERT_FALSE(challenge.scheme.empty()) << field;
      for (const auto& [name, value] : challenge.parameters) {
        ASSERT_FALSE(name.empty());
        ASSERT_EQ(value.find_first_of("\n\x01"), std::string::npos);
      }
    }
  }
}

}  // namespace
}  // namespace davit::transport
