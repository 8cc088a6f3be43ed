#include "src/cli/values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <limits>

#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"
#include "oci/base/text.hpp"
#include "oci/base/words.hpp"
#include "oci/model/json.hpp"

namespace davit::app {
namespace {

using oci::Error;
using oci::ErrorKind;

Error bad(std::string_view option, std::string_view value, std::string_view wanted) {
  return Error(ErrorKind::usage,
               fmt::format("{}: '{}' is not {}", option, oci::printable(value), wanted));
}

template <class Number>
std::optional<Number> whole_number(std::string_view text) {
  Number number{};
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (code != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return number;
}

std::vector<std::string> json_words(std::string_view option, const std::string& value) {
  oci::Json json;
  try {
    json = oci::parse_json(value, option);
  } catch (const Error&) {
    throw bad(option, value, "a JSON array");
  }
  std::vector<std::string> words;
  for (const oci::Json& word : json) {
    if (!word.is_string()) throw bad(option, value, "a JSON array of strings");
    words.push_back(word.string());
  }
  return words;
}

/// RFC 3339, section 5.6, without the exceptions: 2006-01-02T15:04:05[.fraction](Z|+hh:mm). The
/// C library's reader would take blanks, signs and missing digits.
bool is_date_time(std::string_view text) {
  constexpr std::string_view shape = "0000-00-00T00:00:00";
  const auto has_shape = [](std::string_view part, std::string_view wanted) {
    const auto fits = [](char c, char want) {
      return want == '0' ? c >= '0' && c <= '9' : c == want;
    };
    return part.size() == wanted.size() &&
           std::equal(part.begin(), part.end(), wanted.begin(), fits);
  };
  if (!has_shape(text.substr(0, shape.size()), shape)) return false;
  const auto number = [&](std::size_t at) {
    return static_cast<unsigned>(*oci::parse_number(text.substr(at, 2)));
  };
  const std::chrono::year_month_day day(
      std::chrono::year(static_cast<int>(number(0) * 100 + number(2))),
      std::chrono::month(number(5)), std::chrono::day(number(8)));
  // A minute may have a leap second.
  if (!day.ok() || number(11) > 23 || number(14) > 59 || number(17) > 60) return false;
  std::string_view zone = text.substr(shape.size());
  if (zone.starts_with('.')) {
    const auto end = zone.find_first_not_of("0123456789", 1);
    if (end == 1 || end == std::string_view::npos) return false;
    zone = zone.substr(end);
  }
  if (zone == "Z") return true;
  if (!has_shape(zone, "+00:00") && !has_shape(zone, "-00:00")) return false;
  return *oci::parse_number(zone.substr(1, 2)) < 24 && *oci::parse_number(zone.substr(4, 2)) < 60;
}

}  // namespace

std::map<std::string, std::string> parse_assignments(std::string_view option,
                                                     const std::vector<std::string>& items) {
  std::map<std::string, std::string> map;
  for (const std::string& item : items) {
    const auto equals = item.find('=');
    if (equals == std::string::npos || equals == 0) throw bad(option, item, "KEY=VALUE");
    map[item.substr(0, equals)] = item.substr(equals + 1);
  }
  return map;
}

std::size_t parse_choice(std::string_view option, std::string_view value,
                         const std::vector<std::string_view>& choices) {
  const auto found = std::find(choices.begin(), choices.end(), value);
  if (found == choices.end()) {
    throw bad(option, value, fmt::format("one of {}", fmt::join(choices, ", ")));
  }
  return static_cast<std::size_t>(found - choices.begin());
}

std::vector<std::string> parse_words(std::string_view option, const std::string& value) {
  if (value.starts_with('[')) return json_words(option, value);
  try {
    return oci::split_words(value);
  } catch (const oci::Error& error) {
    throw bad(option, value, fmt::format("complete: {}", error.what()));
  }
}

std::vector<std::string> parse_healthcheck(const std::string& value) {
  if (value == "none" || value == "NONE") return {"NONE"};
  if (!value.starts_with('[')) return {"CMD-SHELL", value};
  std::vector<std::string> words = json_words("--healthcheck", value);
  words.insert(words.begin(), "CMD");
  return words;
}

std::string parse_port(std::string_view option, const std::string& value) {
  const auto slash = value.find('/');
  const auto number = whole_number<std::uint16_t>(std::string_view(value).substr(0, slash));
  const std::string protocol = slash == std::string::npos ? "tcp" : value.substr(slash + 1);
  const bool known = protocol == "tcp" || protocol == "udp" || protocol == "sctp";
  if (!number || *number == 0 || !known) throw bad(option, value, "PORT[/tcp|udp|sctp]");
  return fmt::format("{}/{}", *number, protocol);
}

oci::Owner parse_owner(std::string_view option, const std::string& value) {
  const auto colon = value.find(':');
  const auto uid = whole_number<std::uint32_t>(std::string_view(value).substr(0, colon));
  const auto gid = colon == std::string::npos
                       ? std::nullopt
                       : whole_number<std::uint32_t>(std::string_view(value).substr(colon + 1));
  if (!uid || !gid) throw bad(option, value, "UID:GID in numbers");
  return {*uid, *gid};
}

std::uint64_t parse_size(std::string_view option, std::string_view value) {
  return oci::doing(option, [&] { return oci::parse_size(value); });
}

std::string rfc3339(std::int64_t seconds) {
  const std::time_t time = seconds;
  std::tm utc{};
  ::gmtime_r(&time, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", utc.tm_year + 1900, utc.tm_mon + 1,
                     utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

std::optional<std::int64_t> source_date_epoch() {
  const char* text = std::getenv("SOURCE_DATE_EPOCH");
  if (text == nullptr || *text == '\0') return std::nullopt;
  const auto seconds = whole_number<std::int64_t>(text);
  // RFC 3339 cannot write years beyond 9999.
  if (!seconds || *seconds < 0 || *seconds > 253402300799) {
    throw bad("SOURCE_DATE_EPOCH", text, "a number of seconds since 1970");
  }
  return seconds;
}

std::string parse_created(const std::string& value, std::optional<std::int64_t> source_date) {
  if (value.empty()) return rfc3339(source_date.value_or(0));
  if (value == "epoch") return rfc3339(0);
  if (value == "now") return rfc3339(std::time(nullptr));
  if (!is_date_time(value)) throw bad("--created", value, "an RFC 3339 time, 'now' or 'epoch'");
  return value;
}

}  // namespace davit::app
