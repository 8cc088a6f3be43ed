#include "src/cli/arguments.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "oci/base/error.hpp"

namespace davit::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// A command "go" with one option of each kind.
struct Sample {
  bool flag = false;
  int count = 0;
  std::string text;
  std::optional<std::string> maybe;
  std::size_t number = 8;
  std::vector<std::string> list;
  std::vector<std::string> in_order;
  std::string first;
  std::vector<std::string> rest;

  Parsed parse(std::vector<std::string> words) {
    return parse_arguments(words, [this](Arguments& root) {
      Arguments go = root.command("go", "goes somewhere", "g");
      go.flag("--flag", flag, "a flag");
      go.count("-v,--verbose", count, "more");
      go.option("--text", "TEXT", text, "a text");
      go.option("--maybe", "TEXT", maybe, "perhaps a text");
      go.number("-n,--number", "N", {1, 100}, number, "a number");
      go.list("--list", "ITEM", list, "items");
      go.each(
          "--one", "A", [this](const std::string& a) { in_order.push_back("one " + a); }, "1");
      go.each(
          "--two", "B", [this](const std::string& b) { in_order.push_back("two " + b); }, "2");
      go.positional("FIRST", first, "the first");
      go.positionals("REST", rest, 1, "the others");
      go.footer("Example:\n  davit go a b");
      go.run([](Session&) {});
      Arguments group = root.command("group", "a family");
      group.command("member", "one of it").run([](Session&) {});
    });
  }
};

std::string usage_error(std::vector<std::string> words) {
  Sample sample;
  try {
    sample.parse(std::move(words));
  } catch (const oci::Error& error) {
    EXPECT_EQ(error.kind(), oci::ErrorKind::usage);
    EXPECT_THAT(error.hint(), HasSubstr("--help"));
    return error.what();
  }
  return "";
}

TEST(Arguments, FillWhatWasDeclared) {
  Sample sample;
  const Parsed parsed =
      sample.parse({"go", "--flag", "-vv", "--text", "x", "--maybe=y", "-n", "3", "a", "b", "c"});
  EXPECT_TRUE(parsed.action);
  EXPECT_TRUE(sample.flag);
  EXPECT_EQ(sample.count, 2);
  EXPECT_EQ(sample.text, "x");
  EXPECT_EQ(sample.maybe, "y");
  EXPECT_EQ(sample.number, 3u);
  EXPECT_EQ(sample.first, "a");
  EXPECT_THAT(sample.rest, ElementsAre("b", "c"));
}

TEST(Arguments, LeaveDefaultsWhereNothingIsSaid) {
  Sample sample;
  sample.parse({"go", "a", "b"});
  EXPECT_EQ(sample.number, 8u);
  EXPECT_EQ(sample.maybe, std::nullopt);
}

TEST(Arguments, KeepTheOrderOfDifferentOptions) {
  Sample sample;
  sample.parse({"go", "--two", "x", "--one", "y", "--two", "z", "a", "b"});
  EXPECT_THAT(sample.in_order, ElementsAre("two x", "one y", "two z"));
}

TEST(Arguments, TakeAListItemEachTime) {
  Sample sample;
  sample.parse({"go", "--list", "1", "a", "--list", "2", "b"});
  EXPECT_THAT(sample.list, ElementsAre("1", "2"));
  EXPECT_EQ(sample.first, "a");
  EXPECT_THAT(sample.rest, ElementsAre("b"));
}

TEST(Arguments, KnowAliases) {
  Sample sample;
  EXPECT_TRUE(sample.parse({"g", "a", "b"}).action);
}

TEST(Arguments, NameWhatTheyDoNotKnow) {
  EXPECT_THAT(usage_error({"go", "--nonsense", "a", "b"}), HasSubstr("--nonsense"));
  EXPECT_THAT(usage_error({"fly"}), HasSubstr("fly"));
}

TEST(Arguments, RefuseAValueThatIsNoNumber) {
  EXPECT_THAT(usage_error({"go", "-n", "many", "a", "b"}), HasSubstr("many"));
  EXPECT_THAT(usage_error({"go", "-n", "-1", "a", "b"}), HasSubstr("-1"));
}

TEST(Arguments, RefuseTooFewWords) {
  EXPECT_NE(usage_error({"go", "a"}), "");
  EXPECT_NE(usage_error({"go"}), "");
}

TEST(Arguments, WantACommandOfAFamily) {
  EXPECT_THAT(usage_error({"group"}), HasSubstr("group wants a command"));
}

TEST(Arguments, GiveHelpInsteadOfAnAction) {
  Sample sample;
  for (const auto& words :
       std::vector<std::vector<std::string>>{{"go", "--help"}, {"go", "-h"}, {"help", "go"}}) {
    const Parsed parsed = sample.parse(words);
    EXPECT_FALSE(parsed.action);
    EXPECT_THAT(parsed.text, HasSubstr("--number"));
    EXPECT_THAT(parsed.text, HasSubstr("davit go a b"));
  }
}

TEST(Arguments, ListTheCommandsWithoutAny) {
  Sample sample;
  EXPECT_THAT(sample.parse({}).text, HasSubstr("goes somewhere"));
  EXPECT_THAT(sample.parse({"help"}).text, HasSubstr("goes somewhere"));
  EXPECT_THAT(sample.parse({"--version"}).text, HasSubstr("davit "));
}

}  // namespace
}  // namespace davit::app
