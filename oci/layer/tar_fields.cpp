#include "oci/layer/tar_fields.hpp"

#include <fmt/format.h>

#include <charconv>
#include <limits>

#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"
#include "oci/base/text.hpp"

namespace davit::oci {
namespace {

constexpr std::string_view xattr_key = "SCHILY.xattr.";

[[noreturn]] void corrupt(const std::string& message) { throw Error(ErrorKind::corrupt, message); }

/// Two's complement, most significant byte first; the first byte's top bit only marks the form.
std::int64_t base256(std::span<const char> field) {
  const bool negative = (static_cast<unsigned char>(field[0]) & 0x40) != 0;
  const std::uint64_t sign = negative ? ~std::uint64_t{0} : 0;
  std::uint64_t value = sign;
  for (std::size_t i = 0; i < field.size(); ++i) {
    std::uint64_t byte = static_cast<unsigned char>(field[i]);
    if (i == 0) byte = negative ? byte | 0x80 : byte & 0x7F;
    // What is shifted out may only repeat the sign, and so must the bit that becomes the sign.
    if (((value ^ sign) >> 55) != 0) corrupt("a number is too large");
    value = value << 8 | byte;
  }
  return static_cast<std::int64_t>(value);
}

template <class Number>
Number decimal(std::string_view key, std::string_view text) {
  Number value{};
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc{} || end != text.data() + text.size()) {
    corrupt(fmt::format("bad {} in a pax header: \"{}\"", key, printable(text.substr(0, 40))));
  }
  return value;
}

std::uint64_t pax_size(std::string_view text) {
  const auto size = decimal<std::uint64_t>("size", text);
  if (size > std::numeric_limits<std::int64_t>::max()) corrupt("a size is too large");
  return size;
}

/// Seconds with an optional fraction, of which what is less than a nanosecond is cut.
PaxRecords::Time pax_time(std::string_view text) {
  const std::size_t dot = text.find('.');
  const std::string_view whole = text.substr(0, dot);
  const std::string_view fraction =
      dot == std::string_view::npos ? std::string_view() : text.substr(dot + 1);
  if (fraction.find_first_not_of("0123456789") != std::string_view::npos) {
    corrupt(fmt::format("bad mtime in a pax header: \"{}\"", printable(text.substr(0, 40))));
  }
  constexpr std::size_t digits = 9;
  std::uint32_t nanoseconds = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    const char digit = i < fraction.size() ? fraction[i] : '0';
    nanoseconds = nanoseconds * 10 + static_cast<std::uint32_t>(digit - '0');
  }
  const bool exact = fraction.size() <= digits ||
                     fraction.substr(digits).find_first_not_of('0') == std::string_view::npos;
  // "-.5" is not written by anybody.
  const auto seconds = decimal<std::int64_t>("mtime", whole);
  if (!whole.starts_with('-') || (nanoseconds == 0 && exact)) return {seconds, nanoseconds};
  // "-0.5" is half a second after -1: the fraction leads away from zero, but tv_nsec does not.
  if (seconds == std::numeric_limits<std::int64_t>::min()) return {seconds, 0};
  const std::uint32_t away = nanoseconds + (exact ? 0 : 1);
  return {seconds - 1, 1'000'000'000 - away};
}

std::string pax_name(std::string_view key, std::string_view text) {
  if (text.find('\0') != std::string_view::npos) {
    corrupt(fmt::format("a NUL in the {} of a pax header", key));
  }
  return std::string(text);
}

void apply(PaxRecords& into, std::string_view key, std::string_view value) {
  if (key.starts_with("GNU.sparse.") || key == "SUN.holesdata") into.sparse = true;
  if (key.starts_with(xattr_key)) {
    const std::string name = pax_name("attribute's name", key.substr(xattr_key.size()));
    if (!name.empty()) into.xattrs[name] = value;
    return;
  }
  const bool given = !value.empty();
  const auto set = [&](auto& field, auto&& parse) {
    field.reset();
    if (given) field = parse();
  };
  if (key == "path") set(into.path, [&] { return pax_name(key, value); });
  if (key == "linkpath") set(into.link_target, [&] { return pax_name(key, value); });
  if (key == "size") set(into.size, [&] { return pax_size(value); });
  if (key == "uid") set(into.uid, [&] { return decimal<std::uint32_t>(key, value); });
  if (key == "gid") set(into.gid, [&] { return decimal<std::uint32_t>(key, value); });
  if (key == "mtime") set(into.mtime, [&] { return pax_time(value); });
}

}  // namespace

std::int64_t tar_number(std::span<const char> field) {
  if ((static_cast<unsigned char>(field[0]) & 0x80) != 0) return base256(field);
  std::string_view text(field.data(), field.size());
  const auto blank = [](char c) { return c == ' ' || c == '\0'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  std::int64_t value = 0;  // 12 digits are 36 bits: it cannot overflow
  for (const char digit : text) {
    if (digit < '0' || digit > '7') corrupt("a number is not octal");
    value = value * 8 + (digit - '0');
  }
  return value;
}

PaxRecords parse_pax(std::string_view records) {
  PaxRecords result;
  while (!records.empty()) {
    std::string_view rest = records;
    const std::uint64_t length = take_number(rest).value_or(0);
    const std::size_t digits = records.size() - rest.size();
    if (length > records.size() || length < digits + 4 || records[digits] != ' ' ||
        records[length - 1] != '\n') {
      corrupt("a malformed record in a pax header");
    }
    const std::string_view record = records.substr(digits + 1, length - digits - 2);
    const std::size_t equals = record.find('=');
    if (equals == 0 || equals == std::string_view::npos) {
      corrupt("a malformed record in a pax header");
    }
    apply(result, record.substr(0, equals), record.substr(equals + 1));
    records.remove_prefix(length);
  }
  return result;
}

}  // namespace davit::oci
