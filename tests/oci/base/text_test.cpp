#include "oci/base/text.hpp"

#include <gtest/gtest.h>

#include <array>

#include "tests/support/environment.hpp"

namespace davit::oci {
namespace {

using Parts = std::vector<std::string>;

TEST(Trim, TakesBlanksAndLineEndsOffBothSides) {
  EXPECT_EQ(trim(" \t a b\r\n"), "a b");
  EXPECT_EQ(trim(" \n "), "");
  EXPECT_EQ(trim(""), "");
}

TEST(LowerCase, ChangesLettersOfAsciiAlone) { EXPECT_EQ(lower_case("AZaz-09[]Ä"), "azaz-09[]Ä"); }

TEST(Split, LeavesEmptyPartsOut) {
  EXPECT_EQ(split(",a, b\tc,", ", \t"), (Parts{"a", "b", "c"}));
  EXPECT_EQ(split("", ","), Parts{});
  EXPECT_EQ(split(",,", ","), Parts{});
}

TEST(Join, PutsTheSeparatorBetweenParts) {
  EXPECT_EQ(join(Parts{"a", "", "c"}, ", "), "a, , c");
  EXPECT_EQ(join(Parts{"a"}, ", "), "a");
  EXPECT_EQ(join(Parts{}, ", "), "");
}

TEST(ListedNames, AreOneALineWithoutCommentsAndBlanks) {
  EXPECT_EQ(listed_names("# of us\r\n a # why\n\n\tb c\r\n#d\ne"), (Parts{"a", "b c", "e"}));
  EXPECT_EQ(listed_names(""), Parts{});
}

TEST(IsOneOf, ComparesWhole) {
  constexpr std::array<std::string_view, 2> all = {"a", "bc"};
  EXPECT_TRUE(is_one_of(all, "bc"));
  EXPECT_FALSE(is_one_of(all, "b"));
}

TEST(ParseNumber, TakesDigitsAndNothingElse) {
  EXPECT_EQ(parse_number("0"), 0U);
  EXPECT_EQ(parse_number("007"), 7U);
  EXPECT_EQ(parse_number("18446744073709551615"), 18446744073709551615U);
  for (const char* text : {"", "-1", "+1", " 1", "1 ", "0x1", "1.0", "18446744073709551616", "a"}) {
    EXPECT_EQ(parse_number(text), std::nullopt) << text;
  }
}

TEST(ParseNumber, TakesNoneAboveTheGreatest) {
  EXPECT_EQ(parse_number("65535", 65535), 65535U);
  EXPECT_EQ(parse_number("65536", 65535), std::nullopt);
}

TEST(TakeNumber, TakesTheDigitsAtTheFront) {
  std::string_view text = "12-34";
  EXPECT_EQ(take_number(text), 12U);
  EXPECT_EQ(text, "-34");
  EXPECT_EQ(take_number(text), std::nullopt);
  EXPECT_EQ(text, "-34");
}

TEST(EnvironmentVariable, ThatIsSetToNothingIsNotSet) {
  const tests::ScopedVariable empty("DAVIT_TEXT_TEST_EMPTY", "");
  const tests::ScopedVariable set("DAVIT_TEXT_TEST_SET", "x");
  EXPECT_EQ(environment("DAVIT_TEXT_TEST_EMPTY"), std::nullopt);
  EXPECT_EQ(environment("DAVIT_TEXT_TEST_SET"), "x");
  EXPECT_EQ(environment("DAVIT_TEXT_TEST_UNSET"), std::nullopt);
}

}  // namespace
}  // namespace davit::oci
