#include "oci/model/json.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "oci/base/error.hpp"
#include "oci/model/descriptor.hpp"

namespace davit::oci {
namespace {

using namespace std::string_literals;
using testing::HasSubstr;

Error failure(std::string_view text) {
  try {
    parse_json(text, "the answer");
  } catch (const Error& error) {
    return error;
  }
  throw std::logic_error("it was taken: " + std::string(text.substr(0, 100)));
}

std::string repeat(std::string_view part, std::size_t times) {
  std::string text;
  for (std::size_t i = 0; i < times; ++i) text += part;
  return text;
}

std::string nested(std::size_t depth) { return repeat("[", depth) + repeat("]", depth); }

TEST(ParseJson, ReadsJson) {
  const Json json = parse_json(R"( {"a": [1, -2, 0.5, true, null, "\u00e9\ud83d\ude00"]} )", "it");
  EXPECT_EQ(json["a"].size(), 6);
  EXPECT_EQ(json["a"][5], "é😀");
}

TEST(ParseJson, RefusesWhatIsNoJsonAndSaysWhere) {
  for (const std::string& text : {""s,
                                  " "s,
                                  "{"s,
                                  "}"s,
                                  "[1,]"s,
                                  "{\"a\":1,}"s,
                                  "{a:1}"s,
                                  "'a'"s,
                                  "nul"s,
                                  "NaN"s,
                                  "Infinity"s,
                                  "01"s,
                                  "1."s,
                                  ".1"s,
                                  "+1"s,
                                  "0x1"s,
                                  "1e"s,
                                  "\"\\x\""s,
                                  "\"\t\""s,
                                  "\"\n\""s,
                                  "\""s,
                                  "\"\\ud800\""s,
                                  "\"\\udc00\\ud800\""s,
                                  "\"\xff\""s,
                                  "\"\xed\xa0\x80\""s,
                                  "\"\xc0\xaf\""s,
                                  "[1]x"s,
                                  "{}{}"s,
                                  "/**/1"s,
                                  "#"s,
                                  "<html>"s,
                                  "1e999"s,
                                  "-1e999"s,
                                  "\xc2\xa0"s,
                                  "\f1"s}) {
    const Error error = failure(text);
    EXPECT_EQ(error.kind(), ErrorKind::corrupt) << text;
    EXPECT_THAT(error.what(), testing::StartsWith("the answer: not JSON at byte ")) << text;
  }
}

TEST(ParseJson, RefusesWhatTheLibraryAloneWouldTake) {
  EXPECT_STREQ(failure("\xef\xbb\xbf{}").what(), "the answer: starts with a byte order mark");
  EXPECT_STREQ(failure("{}\0garbage"s).what(), "the answer: has a NUL byte");
  EXPECT_STREQ(failure("\"a\0b\""s).what(), "the answer: has a NUL byte");
  EXPECT_STREQ(failure(R"({"a":1,"a":2})").what(), "the answer: the key 'a' stands twice");
  EXPECT_STREQ(failure(R"([{"x":{"b":1,"\u0062":2}}])").what(),
               "the answer: the key 'b' stands twice");
  EXPECT_STREQ(failure(R"({"":1,"":2})").what(), "the answer: the key '' stands twice");
}

TEST(ParseJson, QuotesAKeySafelyAndBriefly) {
  EXPECT_THAT(failure("{\"\\u001b\":1,\"\\u001b\":2}").what(), HasSubstr("'\\x1b'"));
  const std::string key = "\"" + std::string(100'000, 'k') + "\":1";
  EXPECT_LT(std::string(failure("{" + key + "," + key + "}").what()).size(), 200);
}

TEST(ParseJson, TakesTheSameKeyInDifferentObjects) {
  parse_json(R"({"a":{"a":1},"b":{"a":2},"c":[{"a":3},{"a":4}]})", "it");
}

TEST(ParseJson, LimitsTheDepth) {
  parse_json(nested(64), "it");
  EXPECT_STREQ(failure(nested(65)).what(), "the answer: JSON nested too deep");
  EXPECT_STREQ(failure(repeat("{\"a\":", 65)).what(), "the answer: JSON nested too deep");
  // Without its end, and of millions: nothing is built before the limit is met.
  EXPECT_STREQ(failure(repeat("[", 4'000'000)).what(), "the answer: JSON nested too deep");
}

TEST(ParseJson, LimitsTheNumberOfValues) {
  EXPECT_EQ(parse_json("[" + repeat("0,", 199'998) + "0]", "it").size(), 199'999);
  EXPECT_STREQ(failure("[" + repeat("0,", 199'999) + "0]").what(),
               "the answer: too many JSON values");
  for (const char* part : {"{},", "[],", "\"\",", "null,", "1.5,", "-1,", "true,"}) {
    EXPECT_STREQ(failure("[" + repeat(part, 250'000) + "0]").what(),
                 "the answer: too many JSON values")
        << part;
  }
}

TEST(ParseJson, LimitsTheSize) {
  const std::string most = "\"" + std::string(document_limit - 2, 'x') + "\"";
  EXPECT_EQ(parse_json(most, "it").get_ref<const std::string&>().size(), document_limit - 2);
  EXPECT_STREQ(failure(most + " ").what(), "the answer: larger than 4194304 bytes");
}

TEST(StringMember, TakesAbsenceAndNullAsEmpty) {
  EXPECT_EQ(string_member(Json{{"a", "x"}}, "a", "it"), "x");
  EXPECT_EQ(string_member(Json{{"a", nullptr}}, "a", "it"), "");
  EXPECT_EQ(string_member(Json::object(), "a", "it"), "");
  EXPECT_THROW(string_member(Json{{"a", 1}}, "a", "it"), Error);
}

TEST(SizeMember, TakesOnlyWholeNumbersWrittenAsSuch) {
  const auto size = [](const std::string& text) {
    return size_member(parse_json("{\"size\":" + text + "}", "it"), "size", "it");
  };
  EXPECT_EQ(size("0"), 0);
  EXPECT_EQ(size("9007199254740993"), 9'007'199'254'740'993);
  for (const char* text :
       {"-1", "-0", "1.0", "1e3", "1.9", "18446744073709551615", "18446744073709551616",
        "99999999999999999999", "\"1\"", "null", "true", "[1]", "{}"}) {
    EXPECT_THROW(size(text), Error) << text;
  }
  EXPECT_THROW(size_member(Json::object(), "size", "it"), Error);
}

TEST(ArrayAndObjectMembers, AreEmptyIfAbsentAndRefusedIfOther) {
  const Json json = parse_json(R"({"a":[1],"o":{"k":1},"n":null,"t":"x"})", "it");
  EXPECT_EQ(array_member(json, "a", "it").size(), 1);
  EXPECT_TRUE(array_member(json, "n", "it").empty());
  EXPECT_TRUE(array_member(json, "absent", "it").empty());
  EXPECT_THROW(array_member(json, "o", "it"), Error);
  EXPECT_EQ(object_member(json, "o", "it").size(), 1);
  EXPECT_TRUE(object_member(json, "n", "it").empty());
  EXPECT_THROW(object_member(json, "t", "it"), Error);
  EXPECT_TRUE(array_member(Json("no object"), "a", "it").empty());
}

TEST(RefuseLookalikes, FoldsNamesAsGoDoes) {
  const std::vector<std::string_view> names = {"layers", "task"};
  for (const char* key :
       {"Layers", "LAYERS", "layer\u017f", "LAYER\u017f", "tas\u212a", "TA\u017fK"}) {
    EXPECT_THROW(refuse_lookalikes(Json{{key, 1}}, names, "it"), Error) << key;
  }
  for (const char* key : {"layers", "layer", "layers ", "l\u00e4yers", "task", ""}) {
    refuse_lookalikes(Json{{key, 1}}, names, "it");
  }
}

TEST(ToText, NamesWhatIsNotUtf8) {
  const auto message = [](const Json& json) {
    try {
      return to_text(json);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage);
      return std::string(error.what());
    }
  };
  EXPECT_EQ(message({{"a", {1, "é"}}}), R"({"a":[1,"é"]})");
  EXPECT_EQ(message({{"a", {1, "\xff"}}}), "'a.1' is not UTF-8");
  EXPECT_EQ(message({{"ok", 1.5}, {"x", {{"\x80", nullptr}}}}), "'x.\\x80' is not UTF-8");
}

}  // namespace
}  // namespace davit::oci
