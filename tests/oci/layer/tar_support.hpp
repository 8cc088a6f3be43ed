#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "oci/layer/block.hpp"
#include "oci/layer/tar_header.hpp"
#include "oci/layer/tar_parser.hpp"

namespace davit::tests {

/// All that a source writes.
std::string tar_of(const oci::TarSource& source);

struct TarItem {
  oci::TarEntry entry;
  std::string data;
};

/// The entries as TarWriter writes them, with the end marks.
std::string tar_of(const std::vector<TarItem>& items);

/// What TarParser sees in an archive that comes in pieces of this size.
std::vector<TarItem> parse_tar(std::string_view tar, std::size_t piece = 64 * 1024,
                               oci::EndMarks end_marks = oci::EndMarks::required);

/// Only the names, a directory's with a slash.
std::vector<std::string> names_in(std::string_view tar);

/// The entry of this name; fails the test by an exception if there is none.
TarItem item_in(std::string_view tar, std::string_view path);

oci::TarEntry file_entry(std::string path, std::uint64_t size = 0);

/// A header block as the fields say, for archives that no writer writes. Numbers are text as it
/// stands in the field.
struct RawHeader {
  std::string name = "file";
  std::string mode = "0000644";
  std::string uid = "0000000";
  std::string gid = "0000000";
  std::string size = "00000000000";
  std::string mtime = "00000000000";
  char type = '0';
  std::string link;
  std::string magic = std::string(
      "ustar\0"
      "00",
      8);
  std::string device_major = "0000000";
  std::string device_minor = "0000000";
  std::string prefix;

  std::string block() const;
};

/// What belongs into the checksum field of a header block.
std::string checksum_of(std::string block);

/// A header and its data, padded; the header's size is that of the data.
std::string raw_entry(RawHeader header, std::string_view data);

std::string octal(std::uint64_t value);
std::string pax_record(std::string_view key, std::string_view value);
/// An extended header ('x' or 'g') or a long name ('L', 'K').
std::string raw_extension(char type, std::string_view data);
std::string end_marks();

/// What libarchive makes of an archive: the other opinion.
std::vector<TarItem> read_with_libarchive(std::string_view tar);
/// The entries as libarchive writes them in one of its formats: "pax", "ustar", "gnutar", "v7tar".
std::string write_with_libarchive(const std::string& format, const std::vector<TarItem>& items);

}  // namespace davit::tests
