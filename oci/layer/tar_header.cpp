#include "oci/layer/tar_header.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string_view>

#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"
#include "oci/layer/ustar.hpp"

namespace davit::oci {
namespace {

[[noreturn]] void refuse(const TarEntry& entry, std::string_view why) {
  throw Error(ErrorKind::failed, fmt::format("{}: {}", printable(entry.path), why));
}

char type_flag(EntryType type) {
  switch (type) {
    case EntryType::file:
      return '0';
    case EntryType::hardlink:
      return '1';
    case EntryType::symlink:
      return '2';
    case EntryType::character_device:
      return '3';
    case EntryType::block_device:
      return '4';
    case EntryType::directory:
      return '5';
    case EntryType::fifo:
      return '6';
  }
  return '0';
}

/// The largest number that fits a field: octal digits and a final NUL.
template <std::size_t Size>
constexpr std::uint64_t octal_limit(const std::array<char, Size>&) {
  return (std::uint64_t{1} << (3 * (Size - 1))) - 1;
}

template <std::size_t Size>
void put_octal(std::array<char, Size>& field, std::uint64_t value) {
  for (std::size_t i = Size - 1; i-- > 0; value /= 8) field[i] = static_cast<char>('0' + value % 8);
}

template <std::size_t Size>
void put_text(std::array<char, Size>& field, std::string_view text) {
  std::memcpy(field.data(), text.data(), std::min(Size, text.size()));
}

void put_checksum(UstarHeader& header) {
  // Six digits, NUL, space: the one number that is written differently (POSIX leaves it open, all
  // writers do it like the first).
  std::int64_t sum = ustar_checksum<unsigned char>(header);
  header.checksum = {'0', '0', '0', '0', '0', '0', '\0', ' '};
  for (std::size_t i = 6; i-- > 0; sum /= 8) header.checksum[i] = static_cast<char>('0' + sum % 8);
}

/// Seconds with as many digits of a fraction as it has.
std::string time_text(std::int64_t seconds, std::uint32_t nanoseconds) {
  if (nanoseconds == 0) return fmt::format("{}", seconds);
  std::string text;
  if (seconds < 0) {
    // The fraction of a text leads away from zero: -1 and half a second is -0.5.
    text = fmt::format("-{}.{:09}", -(seconds + 1), 1'000'000'000 - nanoseconds);
  } else {
    text = fmt::format("{}.{:09}", seconds, nanoseconds);
  }
  text.resize(text.find_last_not_of('0') + 1);
  return text;
}

/// "len key=value\n", where len counts itself.
void append_record(std::string& out, std::string_view key, std::string_view value) {
  const std::size_t rest = key.size() + value.size() + 3;
  std::size_t length = rest;
  while (length != rest + fmt::formatted_size("{}", length)) {
    length = rest + fmt::formatted_size("{}", length);
  }
  fmt::format_to(std::back_inserter(out), "{} ", length);
  out.append(key).append(1, '=').append(value).append(1, '\n');
}

/// Puts a path into name and prefix, if there is a slash at which it can be cut.
bool put_path(UstarHeader& header, std::string_view path) {
  if (path.size() <= header.name.size()) {
    put_text(header.name, path);
    return true;
  }
  if (path.size() > header.prefix.size() + 1 + header.name.size()) return false;
  // The first slash that leaves a name short enough; not the one at a directory's end.
  const std::size_t slash = path.find('/', path.size() - header.name.size() - 1);
  if (slash == 0 || slash > header.prefix.size() || slash + 1 >= path.size()) return false;
  put_text(header.prefix, path.substr(0, slash));
  put_text(header.name, path.substr(slash + 1));
  return true;
}

/// Collects what does not fit into the header while the header is filled.
class Header {
 public:
  explicit Header(const TarEntry& entry) : entry_(entry) {
    check();
    put_octal(header_.mode, entry.mode & 07777);
    put_number("uid", header_.uid, entry.uid);
    put_number("gid", header_.gid, entry.gid);
    put_number("size", header_.size, entry.type == EntryType::file ? entry.size : 0);
    put_mtime();
    header_.type = type_flag(entry.type);
    put_text(header_.magic, ustar_magic);
    put_octal(header_.device_major, entry.device_major);
    put_octal(header_.device_minor, entry.device_minor);
    put_names();
    put_xattrs();
    put_checksum(header_);
  }

  void append_to(std::string& out) const {
    if (!records_.empty()) append_extension(out);
    out.append(reinterpret_cast<const char*>(&header_), sizeof header_);
  }

 private:
  void check() const {
    if (entry_.path.empty()) throw Error(ErrorKind::failed, "a tar entry has no name");
    if (entry_.path.find('\0') != std::string::npos ||
        entry_.link_target.find('\0') != std::string::npos) {
      refuse(entry_, "a name with a NUL in it cannot be stored in a tar");
    }
    if (entry_.device_major > octal_limit(header_.device_major) ||
        entry_.device_minor > octal_limit(header_.device_minor)) {
      refuse(entry_, "the device number is too large for a tar");
    }
  }

  template <std::size_t Size>
  void put_number(std::string_view key, std::array<char, Size>& field, std::uint64_t value) {
    const bool fits = value <= octal_limit(field);
    put_octal(field, fits ? value : 0);
    if (!fits) append_record(records_, key, fmt::format_int(value).c_str());
  }

  void put_mtime() {
    const std::int64_t seconds = entry_.mtime;
    const std::uint32_t fraction = entry_.mtime_nanoseconds;
    if (seconds >= 0 && fraction == 0) {
      return put_number("mtime", header_.mtime, static_cast<std::uint64_t>(seconds));
    }
    const bool fits =
        seconds >= 0 && static_cast<std::uint64_t>(seconds) <= octal_limit(header_.mtime);
    put_octal(header_.mtime, fits ? static_cast<std::uint64_t>(seconds) : 0);
    append_record(records_, "mtime", time_text(seconds, fraction));
  }

  void put_names() {
    std::string with_slash;
    std::string_view path = entry_.path;
    if (entry_.type == EntryType::directory && !path.ends_with('/')) {
      with_slash.reserve(path.size() + 1);
      with_slash.append(path).append(1, '/');
      path = with_slash;
    }
    const bool path_fits = put_path(header_, path);
    const bool link_fits = entry_.link_target.size() <= header_.link.size();
    put_text(header_.link, entry_.link_target);
    if (!path_fits) {
      // For a reader without pax. It must not take a cut file name for a directory.
      path.remove_suffix(path.size() - header_.name.size());
      while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
      put_text(header_.name, path);
    }
    if ((!path_fits && !is_utf8(entry_.path)) || (!link_fits && !is_utf8(entry_.link_target))) {
      append_record(records_, "hdrcharset", "BINARY");
    }
    if (!path_fits) append_record(records_, "path", with_slash.empty() ? entry_.path : with_slash);
    if (!link_fits) append_record(records_, "linkpath", entry_.link_target);
  }

  void put_xattrs() {
    for (const auto& [name, value] : entry_.xattrs) {
      if (name.empty() || name.find('=') != std::string::npos) {
        refuse(entry_,
               fmt::format("the extended attribute {} cannot be stored in a tar", printable(name)));
      }
      append_record(records_, "SCHILY.xattr." + name, value);
    }
  }

  void append_extension(std::string& out) const {
    if (records_.size() > tar_extension_limit) {
      refuse(entry_, "has more names and extended attributes than a tar can store (1 MiB)");
    }
    UstarHeader header{};
    put_text(header.name, "././@PaxHeader");
    put_octal(header.mode, 0644);
    put_octal(header.uid, 0);
    put_octal(header.gid, 0);
    put_octal(header.size, records_.size());
    put_octal(header.mtime, 0);
    header.type = 'x';
    put_text(header.magic, ustar_magic);
    put_octal(header.device_major, 0);
    put_octal(header.device_minor, 0);
    put_checksum(header);
    out.append(reinterpret_cast<const char*>(&header), sizeof header);
    out.append(records_);
    out.append(tar_padding(records_.size()), '\0');
  }

  const TarEntry& entry_;
  UstarHeader header_{};
  std::string records_;
};

}  // namespace

void append_tar_header(const TarEntry& entry, std::string& out) { Header(entry).append_to(out); }

}  // namespace davit::oci
