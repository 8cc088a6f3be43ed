#include "src/cli/values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <ctime>
#include <limits>

#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"
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

bool is_date_time(const std::string& text) {
  // RFC 3339: 2006-01-02T15:04:05[.fraction](Z|+hh:mm)
  std::tm time{};
  const char* rest = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &time);
  if (rest == nullptr || rest - text.c_str() != 19) return false;
  std::string_view zone(rest);
  if (zone.starts_with('.')) {
    const auto end = zone.find_first_not_of("0123456789", 1);
    if (end == 1 || end == std::string_view::npos) return false;
    zone = zone.substr(end);
  }
  if (zone == "Z") return true;
  const auto digit = [&](std::size_t i) { return zone[i] >= '0' && zone[i] <= '9'; };
  return zone.size() == 6 && (zone[0] == '+' || zone[0] == '-') && digit(1) && digit(2) &&
         zone[3] == ':' && digit(4) && digit(5);
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
  // Up to the year 9999, beyond which RFC 3339 cannot write it.
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
