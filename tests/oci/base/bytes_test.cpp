#include "oci/base/bytes.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <stdexcept>
#include <vector>

#include "oci/base/error.hpp"

namespace davit::oci {
namespace {

using namespace std::string_literals;

ErrorKind kind_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.kind();
  }
  throw std::logic_error("nothing failed");
}

TEST(Hex, IsLowerCase) {
  EXPECT_EQ(to_hex(bytes_of("\x00\x0f\xa0\xff"s)), "000fa0ff");
  EXPECT_EQ(to_hex({}), "");
}

// RFC 4648, section 10, and bytes that need the last two letters of the alphabet.
const std::vector<std::pair<std::string, std::string>> base64_vectors = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
    {"\xfb\xff\xbf\xfe"s, "+/+//g=="},
    {"\0\0\0"s, "AAAA"},
};

TEST(Base64, WritesTheVectorsOfItsSpecification) {
  for (const auto& [bytes, text] : base64_vectors) EXPECT_EQ(to_base64(bytes_of(bytes)), text);
}

TEST(Base64, ReadsTheVectorsOfItsSpecification) {
  for (const auto& [bytes, text] : base64_vectors) EXPECT_EQ(from_base64(text), bytes) << text;
}

TEST(Base64, ReadsTextWithoutPadding) {
  for (const auto& [bytes, text] : base64_vectors) {
    EXPECT_EQ(from_base64(text.substr(0, text.find('='))), bytes) << text;
  }
}

TEST(Base64, ReadsTheAlphabetForUrls) {
  EXPECT_EQ(from_base64("-_-__g=="), "\xfb\xff\xbf\xfe");
  EXPECT_EQ(from_base64("-_-__g"), "\xfb\xff\xbf\xfe");
}

TEST(Base64, RefusesWhatIsNot) {
  for (const std::string& text :
       {"A"s, "AAAAA"s, "AA=A"s, "=AAA"s, "AA AA"s, "AAA\n"s, "AA\0A"s, "AAA\xff"s, "A*AA"s}) {
    EXPECT_EQ(kind_of([&] { from_base64(text); }), ErrorKind::corrupt) << text;
  }
}

TEST(Base64, RefusesWrongPadding) {
  for (const std::string& text :
       {"="s, "===="s, "Zg="s, "Zg==="s, "Zm8=="s, "Zm9v="s, "Zm9v===="s, "A==="s}) {
    EXPECT_EQ(kind_of([&] { from_base64(text); }), ErrorKind::corrupt) << text;
  }
}

TEST(Base64, GivesBackEveryByte) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    EXPECT_EQ(from_base64(to_base64(bytes_of(bytes).first(size))), bytes.substr(0, size));
  }
}

TEST(HumanSize, HasThreeDigits) {
  const std::vector<std::pair<std::uint64_t, std::string>> table = {
      {0, "0 B"},
      {1, "1 B"},
      {999, "999 B"},
      {1'000, "1.00 kB"},
      {1'234, "1.23 kB"},
      {9'994, "9.99 kB"},
      {9'995, "10.0 kB"},
      {12'345, "12.3 kB"},
      {99'949, "99.9 kB"},
      {99'950, "100 kB"},
      {999'499, "999 kB"},
      {999'500, "1.00 MB"},
      {12'300'000, "12.3 MB"},
      {4'294'967'296, "4.29 GB"},
      {1'000'000'000'000, "1.00 TB"},
      {5'000'000'000'000'000, "5.00 PB"},
      {std::numeric_limits<std::uint64_t>::max(), "18.4 EB"},
  };
  for (const auto& [size, text] : table) EXPECT_EQ(human_size(size), text) << size;
}

TEST(ParseSize, ReadsWhatAPersonWrites) {
  const std::vector<std::pair<std::string, std::uint64_t>> table = {
      {"0", 0},
      {"1048576", 1'048'576},
      {"17B", 17},
      {"512k", 512 * KiB},
      {"512K", 512 * KiB},
      {"1kB", 1000},
      {"1KiB", 1024},
      {"32M", 32 * MiB},
      {"10MB", 10'000'000},
      {"4GiB", 4 * GiB},
      {"2T", 2048 * GiB},
      {"2TB", 2'000'000'000'000},
      {"007M", 7 * MiB},
      {"18446744073709551615", std::numeric_limits<std::uint64_t>::max()},
      {"16777215T", 16'777'215 * (1024 * GiB)},
  };
  for (const auto& [text, size] : table) EXPECT_EQ(parse_size(text), size) << text;
}

TEST(ParseSize, RefusesWhatIsNoSize) {
  for (const std::string& text : {""s,
                                  " "s,
                                  "M"s,
                                  "-1"s,
                                  "+1"s,
                                  "1.5G"s,
                                  "1e6"s,
                                  "0x10"s,
                                  " 1"s,
                                  "1 "s,
                                  "1 MB"s,
                                  "1Mb"s,
                                  "1MBB"s,
                                  "1iB"s,
                                  "1Ki"s,
                                  "1P"s,
                                  "1\xff"s,
                                  "1\xcd"s,
                                  "1\0"s,
                                  "18446744073709551616"s,
                                  "16777216T"s,
                                  "18446744073709552kB"s,
                                  "99999999999999999999999999999999"s}) {
    EXPECT_EQ(kind_of([&] { parse_size(text); }), ErrorKind::usage) << text;
  }
}

TEST(ParseSize, QuotesTheTextSafely) {
  try {
    parse_size("1\x1b[2J");
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "'1\\x1b[2J' is not a size");
    EXPECT_EQ(error.hint(), "write it as 32M, 4GiB or 10MB");
  }
}

TEST(IsUtf8, FollowsItsSpecification) {
  for (const std::string& text :
       {""s, "plain"s, "\0"s, "\x7f"s, "\xc2\x80"s, "\xdf\xbf"s, "\xe0\xa0\x80"s, "\xed\x9f\xbf"s,
        "\xee\x80\x80"s, "\xef\xbf\xbf"s, "\xf0\x90\x80\x80"s, "\xf4\x8f\xbf\xbf"s}) {
    EXPECT_TRUE(is_utf8(text)) << to_hex(bytes_of(text));
  }
}

// Table 3-7 of the Unicode standard from the outside: overlong forms, surrogates, code points too
// great, sequences cut short, continuation bytes alone.
const std::vector<std::string> malformed = {
    "\x80",
    "\xbf",
    "\xc0\x80",
    "\xc1\xbf",
    "\xc2",
    "\xc2 ",
    "\xc2\xc2",
    "\xe0\x80\x80",
    "\xe0\x9f\xbf",
    "\xe2\x80",
    "\xe2\x28\xa1",
    "\xed\xa0\x80",
    "\xed\xbf\xbf",
    "\xf0\x80\x80\x80",
    "\xf0\x8f\xbf\xbf",
    "\xf0\x9f\x98",
    "\xf4\x90\x80\x80",
    "\xf5\x80\x80\x80",
    "\xfe",
    "\xff",
};

TEST(IsUtf8, RefusesMalformedSequences) {
  for (const std::string& text : malformed) {
    EXPECT_FALSE(is_utf8(text)) << to_hex(bytes_of(text));
    EXPECT_FALSE(is_utf8("before" + text + "after")) << to_hex(bytes_of(text));
  }
}

TEST(Printable, LeavesTextAsItIs) {
  for (const std::string& text :
       {""s, "plain text, 100% \"quoted\" \\ it's"s, "Grüße"s, "日本語"s, "😀"s, "\xc2\xa0"s}) {
    EXPECT_EQ(printable(text), text);
  }
}

TEST(Printable, ShowsControlCharactersByTheirBytes) {
  EXPECT_EQ(printable("a\x1b[31mb"), "a\\x1b[31mb");
  EXPECT_EQ(printable("\0\t\n\r\x7f"s), "\\x00\\x09\\x0a\\x0d\\x7f");
  EXPECT_EQ(printable("\xc2\x9b"), "\\xc2\\x9b");  // CSI in one character
  EXPECT_EQ(printable("\xc2\x80\xc2\x9f"), "\\xc2\\x80\\xc2\\x9f");
}

TEST(Printable, ShowsWhatTurnsOrHidesTextByItsBytes) {
  EXPECT_EQ(printable("\u202egnp.exe"), "\\xe2\\x80\\xaegnp.exe");
  for (const std::string text : {"\u00ad", "\u061c", "\u200b", "\u200f", "\u2028", "\u202a",
                                 "\u2060", "\u2066", "\u2069", "\ufeff", "\U000e0041"}) {
    EXPECT_EQ(printable(text).substr(0, 2), "\\x") << to_hex(bytes_of(text));
    EXPECT_EQ(printable(text).size(), 4 * text.size());
  }
}

TEST(Printable, IsAlwaysUtf8WithoutControls) {
  for (const std::string& text : malformed) {
    const std::string safe = printable(text + "x");
    EXPECT_TRUE(is_utf8(safe));
    EXPECT_EQ(safe.substr(0, 2), "\\x") << to_hex(bytes_of(text));
    EXPECT_EQ(safe.back(), 'x');
  }
}

}  // namespace
}  // namespace davit::oci
