#include "oci/layer/tar_parser.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "oci/base/error.hpp"
#include "oci/layer/ustar.hpp"

namespace davit::oci {
namespace {

[[noreturn]] void corrupt(std::string_view message) {
  throw Error(ErrorKind::corrupt, std::string(message));
}

/// A text field ends at its first NUL, or is full.
template <std::size_t Size>
std::string_view text_in(const std::array<char, Size>& field, std::size_t limit = Size) {
  return {field.data(), ::strnlen(field.data(), limit)};
}

std::string_view bytes_in(const std::array<char, 8>& field) { return {field.data(), field.size()}; }

bool is_zero(const UstarHeader& header) {
  static constexpr UstarHeader zero{};
  return std::memcmp(&header, &zero, sizeof zero) == 0;
}

bool checksum_matches(const UstarHeader& header) {
  std::int64_t expected = -1;
  try {
    expected = tar_number(header.checksum);
  } catch (const Error&) {
    return false;
  }
  return expected == ustar_checksum<unsigned char>(header) ||
         expected == ustar_checksum<signed char>(header);
}

std::uint32_t small_number(std::span<const char> field) {
  const std::int64_t value = tar_number(field);
  if (value < 0 || value > std::numeric_limits<std::uint32_t>::max()) {
    corrupt("an owner or device number is out of range");
  }
  return static_cast<std::uint32_t>(value);
}

std::uint64_t size_number(std::span<const char> field) {
  const std::int64_t value = tar_number(field);
  if (value < 0) corrupt("a negative size");
  return static_cast<std::uint64_t>(value);
}

EntryType type_of(char flag, std::string_view path) {
  switch (flag) {
    case '\0':
      // v7 has no type for directories.
      return path.ends_with('/') ? EntryType::directory : EntryType::file;
    case '0':
    case '7':
      return EntryType::file;
    case '1':
      return EntryType::hardlink;
    case '2':
      return EntryType::symlink;
    case '3':
      return EntryType::character_device;
    case '4':
      return EntryType::block_device;
    case '5':
      return EntryType::directory;
    case '6':
      return EntryType::fifo;
    case 'S':
      corrupt(fmt::format("{}: is a sparse entry, which layers must not have", printable(path)));
    default:
      corrupt(fmt::format("{}: is an entry of unknown type \"{}\"", printable(path),
                          printable(std::string_view(&flag, 1))));
  }
}

}  // namespace

TarParser::TarParser(TarHandler& handler, std::string what, EndMarks end_marks)
    : handler_(handler), what_(std::move(what)), end_marks_(end_marks) {}

void TarParser::write(Bytes bytes) {
  while (!bytes.empty() && state_ != State::end) {
    bytes = state_ == State::header ? take_header(bytes) : take_content(bytes);
  }
}

/// Says of an error in the archive, which is all that `action` throws, which archive and where.
template <class Action>
auto TarParser::located(Action action) const {
  try {
    return action();
  } catch (const Error& error) {
    const std::string where =
        header_offset_ == 0 ? "" : fmt::format(" (at byte {})", header_offset_);
    throw Error(error.kind(), fmt::format("{}: {}{}", what_, error.what(), where));
  }
}

Bytes TarParser::take_header(Bytes bytes) {
  if (filled_ == 0) header_offset_ = offset_;
  const std::size_t n = std::min(bytes.size(), block_.size() - filled_);
  std::memcpy(block_.data() + filled_, bytes.data(), n);
  filled_ += n;
  offset_ += n;
  if (filled_ == block_.size()) {
    filled_ = 0;
    UstarHeader block;
    std::memcpy(&block, block_.data(), sizeof block);
    const std::optional<TarEntry> entry = located([&] { return header(block); });
    if (entry) handler_.entry(*entry);
  }
  return bytes.subspan(n);
}

Bytes TarParser::take_content(Bytes bytes) {
  const std::size_t n = std::min<std::uint64_t>(bytes.size(), missing_);
  const Bytes piece = bytes.first(n);
  offset_ += n;
  missing_ -= n;
  if (state_ == State::data) handler_.data(piece);
  if (state_ == State::extension) extension_.append(text_of(piece));
  if (missing_ == 0) {
    if (state_ == State::extension) located([&] { end_extension(); });
    const bool padded = state_ == State::padding || padding_ == 0;
    state_ = padded ? State::header : State::padding;
    missing_ = std::exchange(padding_, 0);
  }
  return bytes.subspan(n);
}

std::optional<TarEntry> TarParser::header(const UstarHeader& header) {
  if (is_zero(header)) {
    zero_block();
    return std::nullopt;
  }
  if (zero_blocks_ > 0) corrupt("a block of zeros in the middle of the archive");
  if (!checksum_matches(header)) {
    corrupt(header_offset_ == 0 ? "not a tar archive" : "a damaged header");
  }
  switch (header.type) {
    case 'x':
    case 'X':  // Solaris, before pax had a number
    case 'g':
    case 'L':
    case 'K':
      begin_extension(header.type, size_number(header.size));
      return std::nullopt;
    default:
      return begin_entry(header);
  }
}

void TarParser::zero_block() {
  if (pax_ || long_name_ || long_link_) {
    if (end_marks_ == EndMarks::required) corrupt("ends after an extended header");
    // It describes nothing.
    pax_.reset();
    long_name_.reset();
    long_link_.reset();
  }
  if (++zero_blocks_ == 2) state_ = State::end;
}

void TarParser::begin_extension(char type, std::uint64_t size) {
  if (size > tar_extension_limit) {
    corrupt(fmt::format("an extended header of {} bytes, more than 1 MiB", size));
  }
  extension_type_ = type;
  extension_.clear();
  if (size == 0) return end_extension();
  expect(size, State::extension);
}

void TarParser::end_extension() {
  const auto once = [&](bool taken) {
    if (taken) corrupt("two extended headers that say the same of one entry");
  };
  if (extension_type_ == 'L' || extension_type_ == 'K') {
    // GNU tar counts the NUL that ends the name; others write several, or none.
    std::string name = std::move(extension_);
    name.resize(std::min(name.size(), name.find('\0')));
    if (name.empty()) return;  // the header's own name counts
    auto& field = extension_type_ == 'L' ? long_name_ : long_link_;
    once(field.has_value() || pax_.has_value());
    field = std::move(name);
    return;
  }
  PaxRecords records = parse_pax(extension_);
  if (extension_type_ == 'g') {
    if (records.path || records.link_target || records.size || records.sparse) {
      corrupt("a global pax header that sets path, linkpath or size");
    }
    return;
  }
  once(pax_.has_value() || long_name_.has_value() || long_link_.has_value());
  pax_ = std::move(records);
}

TarEntry TarParser::begin_entry(const UstarHeader& header) {
  const PaxRecords pax = std::exchange(pax_, std::nullopt).value_or(PaxRecords{});
  TarEntry entry;
  entry.path = pax.path ? *pax.path : name_of(header);
  long_name_.reset();
  if (pax.sparse) type_of('S', entry.path);
  entry.type = type_of(header.type, entry.path);
  // "/" alone keeps its slash: it is a name.
  while (entry.type == EntryType::directory && entry.path.size() > 1 && entry.path.ends_with('/')) {
    entry.path.pop_back();
  }

  const std::optional<std::string> long_link = std::exchange(long_link_, std::nullopt);
  if (entry.type == EntryType::hardlink || entry.type == EntryType::symlink) {
    entry.link_target = pax.link_target ? *pax.link_target
                        : long_link     ? *long_link
                                        : std::string(text_in(header.link));
  }
  entry.mode = static_cast<std::uint32_t>(tar_number(header.mode) & 07777);
  entry.uid = pax.uid ? *pax.uid : small_number(header.uid);
  entry.gid = pax.gid ? *pax.gid : small_number(header.gid);
  entry.mtime = pax.mtime ? pax.mtime->seconds : tar_number(header.mtime);
  entry.mtime_nanoseconds = pax.mtime ? pax.mtime->nanoseconds : 0;
  if (entry.type == EntryType::file) entry.size = pax.size ? *pax.size : size_number(header.size);
  if (entry.type == EntryType::character_device || entry.type == EntryType::block_device) {
    entry.device_major = small_number(header.device_major);
    entry.device_minor = small_number(header.device_minor);
  }
  entry.xattrs = pax.xattrs;
  entry.data_offset = offset_;
  if (entry.size > 0) expect(entry.size, State::data);
  return entry;
}

std::string TarParser::name_of(const UstarHeader& header) {
  if (long_name_) return *long_name_;
  const std::string_view name = text_in(header.name);
  // Only POSIX has a prefix there; star's is shorter, with times and its own mark after it.
  std::string_view prefix;
  if (bytes_in(header.magic).starts_with(std::string_view("ustar\0", 6))) {
    const bool star = std::memcmp(header.unused.data() + 8, "tar\0", 4) == 0;
    prefix = text_in(header.prefix, star ? 131 : header.prefix.size());
  }
  return prefix.empty() ? std::string(name) : fmt::format("{}/{}", prefix, name);
}

void TarParser::expect(std::uint64_t size, State state) {
  state_ = state;
  missing_ = size;
  padding_ = tar_padding(size);
}

void TarParser::finish() {
  if (state_ == State::end) return;
  const bool between = state_ == State::header && filled_ == 0;
  if (between && zero_blocks_ > 0) return;
  // Some writers leave out the padding of the last file, too, or end with headers of nothing.
  if (end_marks_ == EndMarks::optional && (between || state_ == State::padding)) return;
  throw Error(ErrorKind::corrupt,
              offset_ == 0 ? fmt::format("{}: is empty, not a tar archive", what_)
                           : fmt::format("{}: is truncated: ends after {} bytes", what_, offset_));
}

}  // namespace davit::oci
