#include "src/cli/output.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace davit::app {
namespace {

using testing::HasSubstr;
using testing::Not;

/// What `say` makes of an output, ended.
std::string printed(Output::Form form, const std::function<void(Output&)>& say) {
  std::string text;
  Output out(form, [&](std::string_view more) { text += more; });
  say(out);
  out.finish();
  return text;
}
std::string for_person(const std::function<void(Output&)>& say) {
  return printed(Output::Form::text, say);
}
std::string for_script(const std::function<void(Output&)>& say) {
  return printed(Output::Form::json, say);
}

void say_sample(Output& out) {
  out.fact("Name", "name", "app");
  out.fact("", "id", std::uint64_t{7});
  out.fact("Since", "since", Time{0});
  out.table("layers", {{"LAYER", "digest"}, {"SIZE", "size"}, {"", "bare"}, {"NOTE", ""}});
  out.row({"sha256:1", Size{2000}, true, "first"});
  out.row({"sha256:22", Size{5}, Cell(), Cell()});
  out.sum({"2 in all", Size{2005}});
  out.line("done");
  out.member("tags", std::vector<std::string>{"a", "b"});
}

TEST(Output, IsFactsTablesAndLinesForAPerson) {
  EXPECT_EQ(for_person(say_sample),
            "Name   app\n"
            "Since  1970-01-01T00:00:00Z\n"
            "LAYER      SIZE     NOTE\n"
            "sha256:1   2.00 kB  first\n"
            "sha256:22  5 B      -\n"
            "2 in all   2.00 kB\n"
            "done\n");
}

TEST(Output, IsOneObjectForAScript) {
  EXPECT_EQ(for_script(say_sample),
            R"({"name":"app","id":7,"since":"1970-01-01T00:00:00Z","layers":[)"
            R"({"digest":"sha256:1","size":2000,"bare":true},{"digest":"sha256:22","size":5}],)"
            R"("tags":["a","b"]})"
            "\n");
}

TEST(Output, IsAnEmptyObjectWhereThereIsNothingToSay) {
  EXPECT_EQ(for_script([](Output&) {}), "{}\n");
  EXPECT_EQ(for_person([](Output&) {}), "");
}

TEST(Output, IsWrittenToTheEndOnce) {
  EXPECT_EQ(for_script([](Output& out) { out.finish(); }), "{}\n");
}

TEST(Output, LetsNoEscapesOfOthersThroughToATerminal) {
  const std::string hostile = "a\x1b[2J\nb\xff";
  const auto say = [&](Output& out) {
    out.line(hostile);
    out.fact("Label", "label", hostile);
    out.table("rows", {{"TEXT", "text"}, {"LIST", "list"}});
    out.row({hostile, std::vector{hostile}});
  };
  EXPECT_THAT(for_person(say), Not(HasSubstr("\x1b")));
  EXPECT_THAT(for_person(say), Not(HasSubstr("\xff")));
  EXPECT_THAT(for_person(say), HasSubstr("Label  a\\x1b[2J\\x0ab\\xff\n"));
  EXPECT_THAT(for_script(say), Not(HasSubstr("\x1b")));
  EXPECT_THAT(for_script(say), HasSubstr(R"("a\u001b[2J\nb)"));
}

TEST(Output, CountsCharactersNotBytes) {
  EXPECT_EQ(for_person([](Output& out) {
              out.table("", {{"é", ""}, {"x", ""}});
              out.row({"ab", "y"});
            }),
            "é   x\nab  y\n");
}

TEST(Output, KeepsTheSpacesThatANameEndsWith) {
  EXPECT_EQ(for_person([](Output& out) {
              out.table("", {{"PATH", ""}}, Output::Headings::hidden);
              out.row({"a "});
            }),
            "a \n");
}

TEST(Output, WritesLongTablesAsTheyComeAlignedAsTheyBegan) {
  std::size_t written = 0;
  std::string text;
  Output out(Output::Form::text, [&](std::string_view more) {
    ++written;
    text += more;
  });
  out.table("", {{"A", ""}, {"B", ""}}, Output::Headings::hidden);
  for (int i = 0; i < 100'000; ++i) out.row({"cell", "other"});
  EXPECT_GT(written, 5u);
  out.row({"a cell that is longer", "other"});
  out.finish();
  EXPECT_THAT(text, testing::StartsWith("cell  other\ncell  other\n"));
  EXPECT_THAT(text, testing::EndsWith("cell  other\na cell that is longer  other\n"));
}

TEST(Output, WritesALineAtOnceAndAnObjectWhenItIsWhole) {
  std::string text;
  Output person(Output::Form::text, [&](std::string_view more) { text += more; });
  person.line("one");
  EXPECT_EQ(text, "one\n");
  text.clear();
  Output script(Output::Form::json, [&](std::string_view more) { text += more; });
  script.member("a", 1);
  EXPECT_EQ(text, "");
}

}  // namespace
}  // namespace davit::app
