#include "oci/layer/tar_parser.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"
#include "tests/oci/layer/tar_support.hpp"

namespace davit::oci {
namespace {

using testing::HasSubstr;
using tests::end_marks;
using tests::file_entry;
using tests::octal;
using tests::parse_tar;
using tests::pax_record;
using tests::raw_entry;
using tests::raw_extension;
using tests::RawHeader;
using tests::TarItem;

constexpr std::size_t whole = 1 << 30;

/// The message of the Error(corrupt) that an archive ends in, however it is cut into pieces.
std::string refusal_of(const std::string& tar) {
  std::string message = "none";
  for (const std::size_t piece : {whole, std::size_t{1}, std::size_t{700}}) {
    try {
      parse_tar(tar, piece);
      return "none";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::corrupt);
      if (piece != whole) {
        EXPECT_EQ(message, error.what());
      }
      message = error.what();
    }
  }
  return message;
}

TarItem only(const std::string& tar) {
  std::vector<TarItem> items = parse_tar(tar);
  EXPECT_EQ(items.size(), 1u);
  return items.at(0);
}

std::string entry(std::string name, std::string_view data = {}) {
  RawHeader header;
  header.name = std::move(name);
  return raw_entry(header, data);
}

/// Entries of all kinds, with what each format of libarchive can hold.
std::vector<TarItem> many_items() {
  std::vector<TarItem> items;
  items.push_back({file_entry("dir/file", 700), std::string(700, 'f')});
  items.push_back({file_entry("empty"), ""});
  items.push_back({file_entry(std::string(99, 'n'), 3), "abc"});
  TarEntry entry = file_entry("link");
  entry.type = EntryType::symlink;
  entry.link_target = "dir/file";
  items.push_back({entry, ""});
  entry.type = EntryType::hardlink;
  items.push_back({entry, ""});
  entry.link_target.clear();
  entry.type = EntryType::directory;
  entry.path = "dir";
  items.push_back({entry, ""});
  return items;
}

void expect_same(const std::vector<TarItem>& found, const std::vector<TarItem>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    TarEntry entry = found[i].entry;
    entry.data_offset = 0;
    EXPECT_EQ(entry, expected[i].entry) << i;
    EXPECT_EQ(found[i].data, expected[i].data) << i;
  }
}

TEST(TarParser, ReadsWhatLibarchiveWritesInEveryFormat) {
  for (const std::string format : {"v7tar", "ustar", "pax", "gnutar"}) {
    SCOPED_TRACE(format);
    expect_same(parse_tar(tests::write_with_libarchive(format, many_items())), many_items());
  }
}

TEST(TarParser, ReadsLongNamesAndLargeNumbersOfPaxAndGnu) {
  std::vector<TarItem> items = many_items();
  TarEntry entry = file_entry(std::string(150, 'a') + "/" + std::string(300, 'b'), 5);
  entry.uid = 0xFFFFFFFE;
  entry.gid = 3'000'000;
  items.push_back({entry, "12345"});
  entry = file_entry("link2");
  entry.type = EntryType::symlink;
  entry.link_target = std::string(2000, 't');
  items.push_back({entry, ""});
  for (const std::string format : {"pax", "gnutar"}) {
    SCOPED_TRACE(format);
    expect_same(parse_tar(tests::write_with_libarchive(format, items)), items);
  }
}

TEST(TarParser, ReadsExtendedAttributes) {
  TarEntry entry = file_entry("f");
  entry.xattrs = {{"security.capability", std::string("\0\1=\n", 4)}, {"user.x", "y"}};
  expect_same(parse_tar(tests::write_with_libarchive("pax", {{entry, ""}})), {{entry, ""}});
}

TEST(TarParser, SeesTheSameHoweverTheArchiveIsCut) {
  const std::string tar = tests::write_with_libarchive("pax", many_items());
  for (const std::size_t piece : {1, 3, 511, 512, 513, 5000}) {
    SCOPED_TRACE(piece);
    expect_same(parse_tar(tar, piece), many_items());
  }
}

TEST(TarParser, SaysWhereTheDataIs) {
  const std::string tar =
      tests::tar_of({{file_entry("a", 3), "abc"}, {file_entry(std::string(200, 'x'), 3), "xyz"}});
  const std::vector<TarItem> items = parse_tar(tar);
  EXPECT_EQ(items[0].entry.data_offset, 512u);
  EXPECT_EQ(tar.substr(items[1].entry.data_offset, 3), "xyz");
}

TEST(TarParser, TakesTheSlashOffDirectories) {
  RawHeader header;
  header.type = '5';
  header.name = "usr/lib//";
  EXPECT_EQ(only(header.block() + end_marks()).entry.path, "usr/lib");
  header.name = "./";
  EXPECT_EQ(only(header.block() + end_marks()).entry.path, ".");
  header.name = "/";
  EXPECT_EQ(only(header.block() + end_marks()).entry.path, "/");
}

TEST(TarParser, TakesOldFilesThatEndInASlashForDirectories) {
  RawHeader header;
  header.type = '\0';
  header.magic = "";
  header.name = "old/";
  EXPECT_EQ(only(header.block() + end_marks()).entry.type, EntryType::directory);
  header.name = "old";
  EXPECT_EQ(only(header.block() + end_marks()).entry.type, EntryType::file);
}

TEST(TarParser, JoinsThePrefixOfPosixOnly) {
  RawHeader header;
  header.prefix = "some/dir";
  EXPECT_EQ(only(header.block() + end_marks()).entry.path, "some/dir/file");
  // GNU has times there, v7 nothing.
  header.magic = std::string("ustar  \0", 8);
  EXPECT_EQ(only(header.block() + end_marks()).entry.path, "file");
  header.magic = "";
  EXPECT_EQ(only(header.block() + end_marks()).entry.path, "file");
}

TEST(TarParser, LeavesOutTheTimesThatStarHasInThePrefix) {
  RawHeader header;
  header.prefix = "dir" + std::string(128, '\0') + "00000000001 00000000002 ";
  header.prefix.resize(163);
  header.prefix += std::string("tar\0", 4);
  EXPECT_EQ(only(header.block() + end_marks()).entry.path, "dir/file");
}

TEST(TarParser, ReadsNumbersWithSpacesAsOldWritersPutThem) {
  RawHeader header;
  header.mode = "   644 ";
  header.uid = "    12 ";
  header.gid = std::string("\0\0\0\0\0\0\0", 7);
  const TarEntry found = only(header.block() + end_marks()).entry;
  EXPECT_EQ(found.mode, 0644u);
  EXPECT_EQ(found.uid, 10u);
  EXPECT_EQ(found.gid, 0u);
}

TEST(TarParser, ReadsNumbersInBase256) {
  RawHeader header;
  header.uid = std::string("\x80\0\0\0\xFF\xFF\xFF\xFE", 8);
  header.mtime = std::string(12, '\xFF');
  const TarEntry found = only(header.block() + end_marks()).entry;
  EXPECT_EQ(found.uid, 0xFFFFFFFEu);
  EXPECT_EQ(found.mtime, -1);
}

TEST(TarParser, MasksTheFileTypeThatSomeWritersPutIntoTheMode) {
  RawHeader header;
  header.mode = "0100755";
  EXPECT_EQ(only(header.block() + end_marks()).entry.mode, 0755u);
}

TEST(TarParser, AcceptsASignedChecksum) {
  RawHeader header;
  header.name = "caf\xE9";
  std::string block = header.block();
  const int sum = std::stoi(block.substr(148, 6), nullptr, 8) - 256;
  std::string digits(6, '0');
  for (std::size_t i = 6, rest = static_cast<std::size_t>(sum); i-- > 0; rest /= 8) {
    digits[i] = static_cast<char>('0' + rest % 8);
  }
  block.replace(148, 6, digits);
  EXPECT_EQ(only(block + end_marks()).entry.path, "caf\xE9");
}

TEST(TarParser, KeepsNanosecondsOfPaxTimesAndRoundsDown) {
  using Time = std::pair<std::int64_t, std::uint32_t>;
  const auto mtime = [](std::string_view text) {
    const TarEntry found =
        only(raw_extension('x', pax_record("mtime", text)) + entry("f") + end_marks()).entry;
    return Time(found.mtime, found.mtime_nanoseconds);
  };
  EXPECT_EQ(mtime("1350244992.023960108"), Time(1350244992, 23960108));
  EXPECT_EQ(mtime("1.9999999999"), Time(1, 999999999));
  EXPECT_EQ(mtime("-1.5"), Time(-2, 500000000));
  EXPECT_EQ(mtime("-1.000"), Time(-1, 0));
  EXPECT_EQ(mtime("-0.5"), Time(-1, 500000000));
  EXPECT_EQ(mtime("-0.9999999999"), Time(-1, 0));
  EXPECT_EQ(mtime("7."), Time(7, 0));
}

TEST(TarParser, LetsTheLastOfTwoRecordsCountAndEmptyOnesNot) {
  const std::string records =
      pax_record("path", "one") + pax_record("path", "two") + pax_record("uid", "");
  RawHeader header;
  header.uid = "0000007";
  const TarEntry found = only(raw_extension('x', records) + header.block() + end_marks()).entry;
  EXPECT_EQ(found.path, "two");
  EXPECT_EQ(found.uid, 7u);
}

TEST(TarParser, AppliesAnExtendedHeaderToOneEntryOnly) {
  const std::vector<TarItem> items = parse_tar(
      raw_extension('x', pax_record("path", "long")) + entry("a") + entry("b") +
      raw_extension('L', std::string("longer\0", 7)) + entry("c") + entry("d") + end_marks());
  ASSERT_EQ(items.size(), 4u);
  EXPECT_EQ(items[0].entry.path, "long");
  EXPECT_EQ(items[1].entry.path, "b");
  EXPECT_EQ(items[2].entry.path, "longer");
  EXPECT_EQ(items[3].entry.path, "d");
}

TEST(TarParser, PassesOverGlobalCommentsAndTimes) {
  // As git archive writes them; Go's reader does not apply global records either.
  const std::string records = pax_record("comment", "0123abc") + pax_record("mtime", "5");
  EXPECT_EQ(only(raw_extension('g', records) + entry("f") + end_marks()).entry.mtime, 0);
}

TEST(TarParser, IgnoresTheSizeOfWhatHasNoData) {
  // Go, GNU tar and Python agree that no data follows a link, whatever its size says.
  for (const char type : {'1', '2', '3', '4', '5', '6'}) {
    RawHeader header;
    header.type = type;
    header.size = octal(5);
    const std::vector<TarItem> items = parse_tar(header.block() + entry("next") + end_marks());
    ASSERT_EQ(items.size(), 2u) << type;
    EXPECT_EQ(items[0].entry.size, 0u);
    EXPECT_EQ(items[1].entry.path, "next");
  }
}

// The four ways in which readers lost the border between data and headers.

TEST(TarParser, FindsTheNextHeaderByTheSizeInPax) {
  // Inner headers hide in the data of the outer file: CVE-2025-62518.
  const std::string hidden = entry("hidden", "evil");
  RawHeader outer;
  outer.name = "outer";
  outer.size = octal(0);
  const std::string tar = raw_extension('x', pax_record("size", std::to_string(hidden.size()))) +
                          outer.block() + hidden + entry("last") + end_marks();
  const std::vector<TarItem> items = parse_tar(tar);
  ASSERT_EQ(items.size(), 2u);
  EXPECT_EQ(items[0].data, hidden);
  EXPECT_EQ(items[1].entry.path, "last");
}

TEST(TarParser, RefusesAPaxHeaderBeforeALongName) {
  // Applying the pax size to the long name's header loses the border (node-tar, CVE-2026-53655).
  const std::string tar = raw_extension('x', pax_record("size", "1024")) +
                          raw_extension('L', "name") + entry("f", std::string(1024, 'x')) +
                          end_marks();
  EXPECT_THAT(refusal_of(tar), HasSubstr("two extended headers"));
}

TEST(TarParser, RefusesMalformedPaxInsteadOfSkippingIt) {
  for (const std::string& records :
       {std::string("x"), std::string("5 a=b"), std::string("99 path=x\n"), std::string("0 a=b\n"),
        std::string("3 a\n"), std::string("6 =bb\n"), std::string("-7 a=b\n"), std::string("\n"),
        std::string("18446744073709551622 a=b\n"), std::string("6 a=b\n\0", 7),
        std::string("7 a=b\nx")}) {
    EXPECT_THAT(refusal_of(raw_extension('x', records) + entry("f") + end_marks()),
                HasSubstr("test.tar: a malformed record in a pax header"))
        << printable(records);
  }
}

TEST(TarParser, DoesNotReserveWhatAHeaderOnlyClaims) {
  RawHeader header;
  header.size = "77777777777";
  EXPECT_THAT(refusal_of(header.block() + "short"), HasSubstr("truncated"));
  header.size = std::string("\x80\0\0\0\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 12);
  EXPECT_THAT(refusal_of(header.block() + "short"), HasSubstr("truncated"));
}

// Other hostile archives.

TEST(TarParser, SaysThatSomethingIsNotATar) {
  EXPECT_EQ(refusal_of(std::string(600, 'x')), "test.tar: not a tar archive");
  EXPECT_EQ(refusal_of(std::string("\x1F\x8B\x08", 3) + std::string(700, '\0')),
            "test.tar: not a tar archive");
  EXPECT_EQ(refusal_of(""), "test.tar: is empty, not a tar archive");
}

TEST(TarParser, SaysWhichHeaderIsDamaged) {
  std::string tar = entry("a", "data") + entry("b") + end_marks();
  tar[1024 + 3] = '!';
  EXPECT_EQ(refusal_of(tar), "test.tar: a damaged header (at byte 1024)");
}

TEST(TarParser, RefusesAnArchiveThatIsCutAnywhere) {
  const std::string tar = raw_extension('x', pax_record("path", "long")) + entry("f", "data");
  for (std::size_t size = 1; size <= tar.size(); size += 37) {
    EXPECT_THAT(refusal_of(tar.substr(0, size)), HasSubstr("test.tar: is truncated")) << size;
  }
  EXPECT_THAT(refusal_of(tar), HasSubstr("test.tar: is truncated"));
}

TEST(TarParser, AcceptsMissingEndMarksWhereTheyAreOptional) {
  EXPECT_EQ(parse_tar(entry("f", "data"), 512, EndMarks::optional).size(), 1u);
  EXPECT_EQ(parse_tar("", 512, EndMarks::optional).size(), 0u);
  EXPECT_THROW(parse_tar(entry("f", "data").substr(0, 515), 512, EndMarks::optional), Error);
  EXPECT_THROW(parse_tar(entry("f", "data") + "x", 512, EndMarks::optional), Error);
}

TEST(TarParser, AcceptsOneZeroBlockAtTheEndAndAnyNumber) {
  EXPECT_EQ(parse_tar(entry("f") + std::string(512, '\0')).size(), 1u);
  EXPECT_EQ(parse_tar(entry("f") + std::string(100 * 512 + 7, '\0')).size(), 1u);
}

TEST(TarParser, IgnoresWhatFollowsTheEndMarks) {
  EXPECT_EQ(parse_tar(entry("f") + end_marks() + entry("g") + "garbage").size(), 1u);
}

TEST(TarParser, RefusesASingleZeroBlockInTheMiddle) {
  EXPECT_THAT(refusal_of(entry("f") + std::string(512, '\0') + entry("g") + end_marks()),
              HasSubstr("zeros in the middle"));
}

TEST(TarParser, RefusesExtendedHeadersWithoutAnEntry) {
  EXPECT_THAT(refusal_of(raw_extension('x', pax_record("path", "p")) + end_marks()),
              HasSubstr("ends after an extended header"));
  EXPECT_THAT(refusal_of(raw_extension('K', "link") + end_marks()),
              HasSubstr("ends after an extended header"));
}

TEST(TarParser, PassesOverExtendedHeadersAtTheEndOfALayer) {
  const std::string pax = raw_extension('x', pax_record("path", "p"));
  for (const std::string& tar : {entry("f") + pax, entry("f") + pax + end_marks()}) {
    EXPECT_EQ(parse_tar(tar, 512, EndMarks::optional).size(), 1u);
  }
}

TEST(TarParser, DoesNotMissThePaddingOfALayersLastFile) {
  const std::string tar = entry("f", "data");
  for (const std::size_t cut : {1u, 507u, 508u}) {
    EXPECT_EQ(parse_tar(tar.substr(0, tar.size() - cut), 512, EndMarks::optional).size(), 1u);
    EXPECT_THAT(refusal_of(tar.substr(0, tar.size() - cut)), HasSubstr("truncated"));
  }
}

TEST(TarParser, RefusesTwoExtendedHeadersForOneEntry) {
  const std::string pax = raw_extension('x', pax_record("path", "p"));
  const std::string name = raw_extension('L', "name");
  for (const std::string& both : {pax + pax, name + name, name + pax, pax + name}) {
    EXPECT_THAT(refusal_of(both + entry("f") + end_marks()), HasSubstr("two extended headers"));
  }
  EXPECT_EQ(only(name + raw_extension('K', "link") + entry("f") + end_marks()).entry.path, "name");
}

TEST(TarParser, RefusesExtendedHeadersOverOneMebibyte) {
  for (const char type : {'x', 'g', 'L', 'K'}) {
    RawHeader header;
    header.type = type;
    header.size = octal(MiB + 1);
    EXPECT_THAT(refusal_of(header.block()), HasSubstr("more than 1 MiB")) << type;
  }
  const std::string records = pax_record("comment", std::string(MiB - 100, 'c'));
  EXPECT_EQ(only(raw_extension('x', records) + entry("f") + end_marks()).entry.path, "f");
}

TEST(TarParser, RefusesGlobalNamesAndSizes) {
  for (const std::string key : {"path", "linkpath"}) {
    EXPECT_THAT(refusal_of(raw_extension('g', pax_record(key, "x")) + entry("f") + end_marks()),
                HasSubstr("global pax header"));
  }
  EXPECT_THAT(refusal_of(raw_extension('g', pax_record("size", "7")) + entry("f") + end_marks()),
              HasSubstr("global pax header"));
}

TEST(TarParser, RefusesNamesWithANul) {
  const std::string name("safe\0/../evil", 13);
  EXPECT_THAT(refusal_of(raw_extension('x', pax_record("path", name)) + entry("f") + end_marks()),
              HasSubstr("a NUL in the path"));
  EXPECT_THAT(refusal_of(raw_extension('x', pax_record("linkpath", name)) + entry("f")),
              HasSubstr("a NUL in the linkpath"));
}

TEST(TarParser, EndsALongNameAtItsNul) {
  const std::string name("name\0/../evil", 13);
  EXPECT_EQ(only(raw_extension('L', name) + entry("f") + end_marks()).entry.path, "name");
}

TEST(TarParser, TakesTheHeadersNameWhereALongOneIsEmpty) {
  for (const std::string& name : {std::string(), std::string(3, '\0')}) {
    EXPECT_EQ(only(raw_extension('L', name) + entry("f") + end_marks()).entry.path, "f");
  }
}

TEST(TarParser, GivesEntriesWithoutANameAsSuch) {
  EXPECT_EQ(only(entry("", "data") + end_marks()).entry.path, "");
}

TEST(TarParser, RefusesSparseEntriesOfBothKinds) {
  RawHeader header;
  header.type = 'S';
  header.magic = std::string("ustar  \0", 8);
  EXPECT_THAT(refusal_of(header.block() + end_marks()), HasSubstr("file: is a sparse entry"));
  for (const std::string key : {"GNU.sparse.major", "GNU.sparse.map", "SUN.holesdata"}) {
    EXPECT_THAT(refusal_of(raw_extension('x', pax_record(key, "1")) + entry("f") + end_marks()),
                HasSubstr("is a sparse entry"));
  }
}

TEST(TarParser, RefusesUnknownTypes) {
  for (const char type : {'D', 'M', 'V', 'N', 'A', '\x7F'}) {
    RawHeader header;
    header.type = type;
    EXPECT_THAT(refusal_of(header.block() + end_marks()), HasSubstr("unknown type"));
  }
}

TEST(TarParser, RefusesBadNumbersInHeaders) {
  const auto refused = [](std::string RawHeader::*field, std::string value) {
    RawHeader header;
    header.*field = std::move(value);
    return refusal_of(header.block() + end_marks());
  };
  EXPECT_THAT(refused(&RawHeader::size, "0000000000x"), HasSubstr("not octal"));
  EXPECT_THAT(refused(&RawHeader::size, "00000000008"), HasSubstr("not octal"));
  EXPECT_THAT(refused(&RawHeader::size, "0000 000000"), HasSubstr("not octal"));
  EXPECT_THAT(refused(&RawHeader::size, "-0000000001"), HasSubstr("not octal"));
  EXPECT_THAT(refused(&RawHeader::size, std::string(12, '\xFF')), HasSubstr("negative size"));
  EXPECT_THAT(refused(&RawHeader::size, "\x80\x01" + std::string(10, '\0')),
              HasSubstr("too large"));
  EXPECT_THAT(refused(&RawHeader::size, std::string("\x80\0\0\0\x80\0\0\0\0\0\0\0", 12)),
              HasSubstr("too large"));
  EXPECT_THAT(refused(&RawHeader::uid, std::string(8, '\xFF')), HasSubstr("out of range"));
  EXPECT_THAT(refused(&RawHeader::gid, std::string("\x80\0\0\1\0\0\0\0", 8)),
              HasSubstr("out of range"));
  EXPECT_THAT(refused(&RawHeader::mode, "rw-r--r"), HasSubstr("not octal"));
}

TEST(TarParser, RefusesBadNumbersInPax) {
  const auto refused = [](std::string_view key, std::string_view value) {
    return refusal_of(raw_extension('x', pax_record(key, value)) + entry("f") + end_marks());
  };
  for (const std::string_view size :
       {"-1", "+1", "1x", " 1", "0x10", "9223372036854775808", "99999999999999999999999"}) {
    EXPECT_THAT(refused("size", size),
                testing::AnyOf(HasSubstr("bad size"), HasSubstr("too large")))
        << size;
  }
  EXPECT_THAT(refused("uid", "4294967296"), HasSubstr("bad uid"));
  EXPECT_THAT(refused("gid", "-1"), HasSubstr("bad gid"));
  EXPECT_THAT(refused("mtime", "1.2.3"), HasSubstr("bad mtime"));
  EXPECT_THAT(refused("mtime", "nan"), HasSubstr("bad mtime"));
}

TEST(TarParser, TakesAnyDamageForAnArchiveOrForCorrupt) {
  std::string tar = tests::write_with_libarchive("gnutar", many_items());
  tar.resize(tar.size() - 1024);
  tar += tests::write_with_libarchive("pax", {{file_entry(std::string(300, 'n'), 5), "12345"}});
  std::mt19937 random(1);
  std::size_t accepted = 0;
  for (int round = 0; round < 5000; ++round) {
    std::string damaged = tar;
    for (int i = 0; i < 3; ++i) {
      const std::size_t block = random() % (damaged.size() / 512) * 512;
      // Mostly in the numbers, the type and the magic, where it matters most.
      damaged[block + 100 + random() % 165] = static_cast<char>(random());
      const std::string sum = tests::checksum_of(damaged.substr(block, 512));
      damaged.replace(block + 148, sum.size(), sum);
    }
    damaged.resize(random() % 8 == 0 ? random() % damaged.size() : damaged.size());
    try {
      std::size_t bytes = 0;
      for (const TarItem& item : parse_tar(damaged, 1 + random() % 2000)) {
        bytes += item.data.size();
        EXPECT_EQ(item.data.size(), item.entry.size);
      }
      EXPECT_LE(bytes, damaged.size());
      ++accepted;
    } catch (const Error& error) {
      ASSERT_EQ(error.kind(), ErrorKind::corrupt);
    }
  }
  EXPECT_GT(accepted, 0u);
}

TEST(TarParser, LeavesTheHandlersErrorsAlone) {
  struct Failing final : TarHandler {
    void entry(const TarEntry&) override { throw Error(ErrorKind::refused, "enough", "a hint"); }
    void data(Bytes) override {}
  } handler;
  TarParser parser(handler, "test.tar");
  try {
    parser.write(bytes_of(entry("f")));
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "enough");
    EXPECT_EQ(error.hint(), "a hint");
  }
}

}  // namespace
}  // namespace davit::oci
