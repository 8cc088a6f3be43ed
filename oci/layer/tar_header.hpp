#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace davit::oci {

enum class EntryType : std::uint8_t {
  file,
  directory,
  symlink,
  hardlink,
  character_device,
  block_device,
  fifo,
};

/// One entry of a tar. Names are bytes: usually UTF-8, never with a NUL.
struct TarEntry {
  EntryType type = EntryType::file;
  std::string path;         ///< a directory's without the slash that ends it in the archive
  std::string link_target;  ///< a hard link's is a path of the same archive
  std::uint32_t mode = 0;   ///< permissions, set-id and sticky bits: 07777
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::int64_t mtime = 0;  ///< seconds since 1970, rounded down, may be negative
  std::uint32_t mtime_nanoseconds = 0;
  std::uint64_t size = 0;  ///< of a file's data; 0 for all others
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;
  std::map<std::string, std::string> xattrs;

  /// Where the data starts in the archive; only what reads an archive says it.
  std::uint64_t data_offset = 0;

  bool operator==(const TarEntry&) const = default;
};

/// Appends the header blocks of an entry: a ustar header and, in front of it, a pax extended
/// header with just those records that ustar cannot hold (long names, large numbers, negative
/// times and fractions of seconds, `SCHILY.xattr.*`). Names are raw bytes; where a pax record holds
/// one that is not UTF-8, `hdrcharset=BINARY` says so (GNU tar mentions that it ignores it). Owners
/// are numeric. The same entry gives the same bytes. An extended attribute without a value is
/// written, but Go's archive/tar, and with it most runtimes, takes that for a record to leave out.
///
/// Throws Error(failed) naming the entry for what no reader would take: an empty name, a NUL in a
/// name, an extended attribute with "=" in its name, device numbers above 2^21 - 1, more than
/// 1 MiB of records.
void append_tar_header(const TarEntry& entry, std::string& out);

}  // namespace davit::oci
