#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace davit::oci {

/// A number in a header: octal digits with spaces or NULs around them (none at all is 0), or GNU's
/// base-256. Throws Error(corrupt) for anything else and beyond 63 bits.
std::int64_t tar_number(std::span<const char> field);

/// What a pax extended header says of the entry after it. Records that do not matter to a layer
/// (atime, uname, comment, ...) are left out.
struct PaxRecords {
  std::optional<std::string> path;
  std::optional<std::string> link_target;
  std::optional<std::uint64_t> size;
  std::optional<std::uint32_t> uid;
  std::optional<std::uint32_t> gid;
  struct Time {
    std::int64_t seconds = 0;  ///< rounded down
    std::uint32_t nanoseconds = 0;
    bool operator==(const Time&) const = default;
  };
  std::optional<Time> mtime;
  std::map<std::string, std::string> xattrs;
  bool sparse = false;  ///< GNU.sparse.* or SUN.holesdata: the data is not the file's
};

/// Reads "len key=value\n" records strictly; the last of a key counts, an empty value is as none.
/// Throws Error(corrupt) for a malformed record, a bad number, a NUL in a name.
PaxRecords parse_pax(std::string_view records);

}  // namespace davit::oci
