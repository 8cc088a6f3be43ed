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
  EXPECT_EQ(json["a"].size(), 6U);
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
  EXPECT_EQ(parse_json(most, "it").string().size(), document_limit - 2);
  EXPECT_STREQ(failure(most + " ").what(), "the answer: larger than 4194304 bytes");
}

TEST(Json, KeepsTheOrderOfMembersAndWhatIsNotKnown) {
  const std::string text = R"({"z":1,"a":{"y":-2,"b":[true,null,0.5,"x"]},"m":{},"e":[]})";
  Json json = parse_json(text, "it");
  EXPECT_EQ(to_text(json), text);
  json["a"]["b"] = 7;
  json["new"] = Json::array({1, "two"});
  json["made"]["below"] = false;
  EXPECT_EQ(to_text(json),
            R"({"z":1,"a":{"y":-2,"b":7},"m":{},"e":[],"new":[1,"two"],"made":{"below":false}})");
  json.erase("a");
  json["new"].erase(0);
  EXPECT_EQ(to_text(json), R"({"z":1,"m":{},"e":[],"new":["two"],"made":{"below":false}})");
}

TEST(Json, MakesObjectsOfMembersAndArraysByName) {
  const std::vector<std::string> texts = {"a", "b"};
  const std::map<std::string, std::string> map = {{"k", "v"}};
  const Json json{{"texts", texts}, {"map", map}, {"in", {{"n", nullptr}}}, {"one", true}};
  EXPECT_EQ(to_text(json), R"({"texts":["a","b"],"map":{"k":"v"},"in":{"n":null},"one":true})");
  EXPECT_EQ(to_text(Json::array({Json{{"a", 1}}, Json::array()})), R"([{"a":1},[]])");
}

TEST(Json, AnswersForMembersThatAreNotThere) {
  const Json json = parse_json(R"({"a":{"b":1}})", "it");
  EXPECT_EQ(json["a"]["b"].whole(), 1U);
  EXPECT_TRUE(json["x"]["y"].is_null());
  EXPECT_EQ(json.find("x"), nullptr);
  EXPECT_EQ(Json("text").find("x"), nullptr);
  EXPECT_EQ(Json(1).size(), 0U);
  EXPECT_TRUE(Json().members().empty());
  EXPECT_EQ(json.begin(), json.end());
}

TEST(Json, SortsTheMembersOfAllObjects) {
  Json json = parse_json(R"({"b":[{"d":1,"c":2}],"a":{"z":1,"y":[2,1]}})", "it");
  json.sort();
  EXPECT_EQ(to_text(json), R"({"a":{"y":[2,1],"z":1},"b":[{"c":2,"d":1}]})");
}

TEST(Json, IsEqualToWhatSaysTheSame) {
  const auto same = [](const char* a, const char* b) {
    return parse_json(a, "it") == parse_json(b, "it");
  };
  EXPECT_TRUE(same(R"({"a":1,"b":[{"c":2,"d":3}]})", R"({"b":[{"d":3,"c":2}],"a":1})"));
  EXPECT_TRUE(same("[1,-1,0]", "[1.0,-1.0,-0]"));
  EXPECT_FALSE(same(R"({"a":1})", R"({"a":1,"b":null})"));
  EXPECT_FALSE(same("[1,2]", "[2,1]"));
  EXPECT_FALSE(same("1", "\"1\""));
  EXPECT_FALSE(same("0", "false"));
  EXPECT_FALSE(same("[]", "{}"));
}

TEST(Json, TellsWholeNumbersFromOthers) {
  EXPECT_TRUE(Json(5).is_unsigned());
  EXPECT_FALSE(Json(-5).is_unsigned());
  EXPECT_EQ(Json(-5).number(), -5);
  EXPECT_EQ(Json(0.5).number(), 0.5);
  EXPECT_TRUE(Json(true).is_true());
  EXPECT_FALSE(Json(1).is_true());
  EXPECT_FALSE(Json(true).is_number());
}

TEST(Json, FindsMembersOfALargeObjectInTimeThatGrowsWithItsSize) {
  std::string text = "{";
  for (int i = 0; i < 190'000; ++i) text += "\"" + std::to_string(i) + "\":0,";
  text += "\"last\":1}";
  // Quadratic, this would be 18 billion comparisons.
  EXPECT_EQ(parse_json(text, "it")["last"].whole(), 1U);
}

TEST(StringsMember, TakesTextsAlone) {
  const Json json = parse_json(R"({"a":["x","y"],"b":["x",1],"n":null})", "it");
  EXPECT_EQ(strings_member(json, "a", "it"), (std::vector<std::string>{"x", "y"}));
  EXPECT_TRUE(strings_member(json, "n", "it").empty());
  EXPECT_THROW(strings_member(json, "b", "it"), Error);
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
  EXPECT_TRUE(array_member("no object", "a", "it").empty());
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

TEST(ToText, EscapesWhatJsonCannotHold) {
  EXPECT_EQ(to_text(Json::array({"a\"b\\c", "\n\t\x01\x7f", "é😀"})),
            "[\"a\\\"b\\\\c\",\"\\n\\t\\u0001\x7f\",\"é😀\"]");
  EXPECT_EQ(to_text(Json{{"a\"b", 18446744073709551615U}}), R"({"a\"b":18446744073709551615})");
}

TEST(ToText, PutsEachValueOnALineOfItsOwn) {
  const Json json{{"a", Json::array({1, 2})}, {"b", {{"c", ""}}}, {"d", Json::object()}};
  EXPECT_EQ(to_text(json, "  "),
            "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": {\n    \"c\": \"\"\n  },\n"
            "  \"d\": {}\n}");
}

TEST(ToPrintableText, RepairsWhatIsNotUtf8) {
  EXPECT_EQ(to_printable_text(Json{{"a\xff", "b\xc3"}}), "{\"a\uFFFD\":\"b\uFFFD\"}");
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
  EXPECT_EQ(message({{"a", Json::array({1, "é"})}}), R"({"a":[1,"é"]})");
  EXPECT_EQ(message({{"a", Json::array({1, "\xff"})}}), "'a.1' is not UTF-8");
  EXPECT_EQ(message({{"ok", 1.5}, {"x", {{"\x80", nullptr}}}}), "'x.\\x80' is not UTF-8");
}

}  // namespace
}  // namespace davit::oci
