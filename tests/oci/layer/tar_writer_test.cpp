#include "oci/layer/tar_writer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"
#include "tests/oci/layer/tar_support.hpp"

namespace davit::oci {
namespace {

using tests::file_entry;
using tests::parse_tar;
using tests::read_with_libarchive;
using tests::tar_of;
using tests::TarItem;

TarEntry entry_of(EntryType type, std::string path, std::string target = {}) {
  TarEntry entry;
  entry.type = type;
  entry.path = std::move(path);
  entry.link_target = std::move(target);
  entry.mode = 0755;
  return entry;
}

TarEntry without_offset(TarEntry entry) {
  entry.data_offset = 0;
  return entry;
}

/// Both our parser and libarchive see the entry as it was.
void expect_round_trip(const TarEntry& entry, std::string_view data = {}) {
  const std::string tar = tar_of({{entry, std::string(data)}});
  EXPECT_EQ(tar.size() % 512, 0u);
  const std::vector<TarItem> ours = parse_tar(tar);
  ASSERT_EQ(ours.size(), 1u);
  EXPECT_EQ(without_offset(ours[0].entry), entry);
  EXPECT_EQ(ours[0].data, data);
  const std::vector<TarItem> theirs = read_with_libarchive(tar);
  ASSERT_EQ(theirs.size(), 1u);
  EXPECT_EQ(theirs[0].entry, entry);
  EXPECT_EQ(theirs[0].data, data);
}

std::string header_of(const TarEntry& entry) {
  std::string out;
  append_tar_header(entry, out);
  return out;
}

std::string refusal_of(const TarEntry& entry) {
  try {
    header_of(entry);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::failed);
    return error.what();
  }
  return "none";
}

TEST(TarHeader, IsOneBlockWhereUstarSuffices) {
  TarEntry entry = file_entry("etc/passwd", 1234);
  entry.uid = entry.gid = 07777777;
  entry.mtime = 1'700'000'000;
  EXPECT_EQ(header_of(entry).size(), 512u);
}

TEST(TarHeader, HasTheBytesPosixAsksFor) {
  TarEntry entry = file_entry("a", 10);
  entry.uid = 8;
  const std::string block = header_of(entry);
  EXPECT_EQ(block.substr(100, 8), std::string("0000644\0", 8));
  EXPECT_EQ(block.substr(108, 8), std::string("0000010\0", 8));
  EXPECT_EQ(block.substr(124, 12), std::string("00000000012\0", 12));
  EXPECT_EQ(block.substr(257, 8), std::string("ustar\0"
                                              "00",
                                              8));
  EXPECT_EQ(block[156], '0');
}

TEST(TarHeader, NamesNoUserAndNoGroup) {
  const std::string block = header_of(file_entry("a"));
  EXPECT_EQ(block.substr(265, 64), std::string(64, '\0'));
}

TEST(TarHeader, IsTheSameForTheSameEntry) {
  TarEntry entry = file_entry(std::string(300, 'n'), 1);
  entry.xattrs = {{"user.b", "2"}, {"user.a", "1"}};
  EXPECT_EQ(header_of(entry), header_of(entry));
}

TEST(TarHeader, KeepsEveryTypeOfEntry) {
  expect_round_trip(entry_of(EntryType::directory, "dir"));
  expect_round_trip(entry_of(EntryType::symlink, "link", "../target"));
  expect_round_trip(entry_of(EntryType::hardlink, "hard", "dir/first"));
  expect_round_trip(entry_of(EntryType::fifo, "fifo"));
  TarEntry device = entry_of(EntryType::character_device, "null");
  device.device_major = 1;
  device.device_minor = 3;
  expect_round_trip(device);
  device.type = EntryType::block_device;
  device.device_minor = 1'048'575;  // the largest of Linux
  expect_round_trip(device);
}

TEST(TarHeader, KeepsSetIdAndStickyBits) {
  TarEntry entry = file_entry("su");
  entry.mode = 07755;
  expect_round_trip(entry);
}

TEST(TarHeader, SplitsAPathThatFitsUstarInTwo) {
  const TarEntry entry = file_entry(std::string(150, 'd') + "/" + std::string(99, 'f'));
  EXPECT_EQ(header_of(entry).size(), 512u);
  expect_round_trip(entry);
}

TEST(TarHeader, KeepsPathsOfEveryLength) {
  for (std::size_t length = 95; length <= 270; ++length) {
    const TarEntry flat = file_entry(std::string(length, 'x'));
    expect_round_trip(flat);
    std::string path(length, 'x');
    for (std::size_t at = 30; at + 1 < length; at += 31) path[at] = '/';
    expect_round_trip(file_entry(path));
    expect_round_trip(entry_of(EntryType::directory, path));
  }
}

TEST(TarHeader, KeepsAPathOfManyKilobytes) {
  std::string path = "d";
  for (int i = 0; i < 100; ++i) path += "/" + std::string(100, static_cast<char>('a' + i % 26));
  expect_round_trip(file_entry(path));
}

TEST(TarHeader, KeepsLinkTargetsOfEveryLength) {
  for (const std::size_t length : {99, 100, 101, 4095}) {
    expect_round_trip(entry_of(EntryType::symlink, "link", std::string(length, 't')));
    expect_round_trip(entry_of(EntryType::hardlink, "link", std::string(length, 't')));
  }
}

TEST(TarHeader, KeepsShortNamesThatAreNotUtf8AsTheyAre) {
  expect_round_trip(file_entry("caf\xE9"));
  EXPECT_EQ(header_of(file_entry("caf\xE9")).size(), 512u);
}

TEST(TarHeader, SaysThatALongNameIsNotUtf8) {
  const std::string path = std::string(200, 'x') + "\xE9\xFF";
  EXPECT_THAT(header_of(file_entry(path)), testing::HasSubstr("21 hdrcharset=BINARY\n"));
  expect_round_trip(file_entry(path));
  EXPECT_THAT(header_of(entry_of(EntryType::symlink, "l", path)),
              testing::HasSubstr("hdrcharset=BINARY"));
}

TEST(TarHeader, SaysNothingOfALongNameThatIsUtf8) {
  std::string path;
  for (int i = 0; i < 60; ++i) path += "né€𝄞";
  EXPECT_THAT(header_of(file_entry(path)), testing::Not(testing::HasSubstr("hdrcharset")));
  EXPECT_EQ(parse_tar(tar_of({{file_entry(path), ""}}))[0].entry.path, path);
}

TEST(TarHeader, DoesNotCutANameSoThatItLooksLikeADirectory) {
  const std::string path = std::string(99, 'x') + "/" + std::string(200, 'y');
  const std::string out = header_of(file_entry(path));
  ASSERT_EQ(out.size(), 3 * 512u);
  EXPECT_NE(out[2 * 512 + 99], '/');
}

TEST(TarHeader, KeepsLargeNumbers) {
  TarEntry entry = file_entry("big");
  entry.uid = 0xFFFFFFFE;
  entry.gid = 2'097'152;
  expect_round_trip(entry);
}

TEST(TarHeader, KeepsTimesBefore1970AndFarAhead) {
  for (const std::int64_t mtime : {-1L, -2'000'000'000L, 8'589'934'591L, 8'589'934'592L}) {
    TarEntry entry = file_entry("old");
    entry.mtime = mtime;
    expect_round_trip(entry);
  }
}

TEST(TarWriter, WritesFractionsOfSeconds) {
  for (const std::int64_t mtime : {0L, -1L, -2L, 1'700'000'000L, 8'589'934'592L}) {
    for (const std::uint32_t nanoseconds : {1u, 500'000'000u, 999'999'999u}) {
      TarEntry entry = file_entry("f");
      entry.mtime = mtime;
      entry.mtime_nanoseconds = nanoseconds;
      const TarEntry found = parse_tar(tar_of({{entry, ""}})).at(0).entry;
      EXPECT_EQ(found.mtime, mtime);
      EXPECT_EQ(found.mtime_nanoseconds, nanoseconds);
    }
  }
}

TEST(TarHeader, KeepsSizesOverEightGibibytes) {
  const std::uint64_t size = 9 * GiB;
  const std::string out = header_of(file_entry("big", size));
  EXPECT_EQ(out.size(), 3 * 512u);
  EXPECT_THAT(out, testing::HasSubstr("19 size=9663676416\n"));
  EXPECT_EQ(header_of(file_entry("big", 8 * GiB - 1)).size(), 512u);
}

TEST(TarHeader, KeepsExtendedAttributesWithAnyBytes) {
  TarEntry entry = file_entry("ping");
  entry.xattrs["security.capability"] = std::string("\1\0\0\2\0\x20\0\0\n=\0", 11);
  entry.xattrs["user.note"] = "a=b";
  expect_round_trip(entry);
  EXPECT_THAT(header_of(entry), testing::Not(testing::HasSubstr("LIBARCHIVE")));
}

TEST(TarHeader, CountsARecordsOwnLength) {
  // Around 9, 99, 999 the digits of the length change the length.
  for (std::size_t size = 1; size < 1100; ++size) {
    TarEntry entry = file_entry("x");
    entry.xattrs["u"] = std::string(size, 'v');
    const std::string tar = tar_of({{entry, ""}});
    ASSERT_EQ(without_offset(parse_tar(tar)[0].entry), entry) << size;
  }
}

TEST(TarHeader, RefusesWhatNoReaderTakes) {
  EXPECT_THAT(refusal_of(file_entry("")), testing::HasSubstr("no name"));
  EXPECT_THAT(refusal_of(file_entry(std::string("a\0b", 3))), testing::HasSubstr("a\\x00b: "));
  EXPECT_THAT(refusal_of(entry_of(EntryType::symlink, "l", std::string("\0", 1))),
              testing::HasSubstr("NUL"));
  TarEntry entry = file_entry("attributes");
  entry.xattrs["user.a=b"] = "c";
  EXPECT_THAT(refusal_of(entry), testing::HasSubstr("attributes: the extended attribute user.a=b"));
  entry.xattrs = {{"user.a", std::string(MiB, 'x')}};
  EXPECT_THAT(refusal_of(entry), testing::HasSubstr("1 MiB"));
  entry = entry_of(EntryType::block_device, "dev");
  entry.device_minor = 1 << 21;
  EXPECT_THAT(refusal_of(entry), testing::HasSubstr("device number"));
}

TEST(TarWriter, PadsDataToBlocksAndEndsWithTwoOfZeros) {
  for (const std::size_t size : {0, 1, 511, 512, 513}) {
    const std::string tar = tar_of({{file_entry("f", size), std::string(size, 'x')}});
    EXPECT_EQ(tar.size(), 512 + (size + 511) / 512 * 512 + 1024) << size;
    EXPECT_EQ(tar.substr(tar.size() - 1024), std::string(1024, '\0'));
  }
}

TEST(TarWriter, KeepsTheEntriesInTheirOrder) {
  const std::string tar = tar_of({{entry_of(EntryType::directory, "d"), ""},
                                  {file_entry("d/b", 3), "bbb"},
                                  {file_entry("d/a", 2), "aa"}});
  const std::vector<TarItem> theirs = read_with_libarchive(tar);
  ASSERT_EQ(theirs.size(), 3u);
  EXPECT_EQ(theirs[0].entry.path, "d");
  EXPECT_EQ(theirs[1].data, "bbb");
  EXPECT_EQ(theirs[2].data, "aa");
  EXPECT_EQ(tests::names_in(tar), (std::vector<std::string>{"d/", "d/b", "d/a"}));
}

TEST(TarWriter, LetsDataBeReadStraightIntoBlocks) {
  const std::string data(3 * block_size / 2, 'd');
  const std::string tar = tar_of([&](BlockWriter& to) {
    TarWriter writer(to);
    writer.entry(file_entry("big", data.size()));
    std::size_t at = 0;
    for (auto room = writer.space(); !room.empty(); room = writer.space()) {
      data.copy(reinterpret_cast<char*>(room.data()), room.size(), at);
      at += room.size();
      writer.advance(room.size());
    }
    writer.finish();
  });
  EXPECT_EQ(tar, tar_of({{file_entry("big", data.size()), data}}));
}

TEST(TarWriter, TakesEntriesMadeElsewhere) {
  const std::string tar = tar_of([&](BlockWriter& to) {
    TarWriter writer(to);
    writer.append(bytes_of(header_of(file_entry("made"))));
    writer.entry(file_entry("next"));
    writer.finish();
  });
  EXPECT_EQ(tests::names_in(tar), (std::vector<std::string>{"made", "next"}));
}

TEST(TarWriter, RefusesDataThatDoesNotFitTheHeader) {
  EXPECT_THROW(tar_of({{file_entry("f", 3), "four"}}), Error);
  EXPECT_THROW(tar_of({{file_entry("f", 3), "ab"}}), Error);
  EXPECT_THROW(tar_of({{file_entry("f", 3), "ab"}, {file_entry("g"), ""}}), Error);
  EXPECT_THROW(tar_of({{entry_of(EntryType::directory, "d"), "data"}}), Error);
}

}  // namespace
}  // namespace davit::oci
