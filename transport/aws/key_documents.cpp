#include "transport/aws/key_documents.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <ctime>

#include "oci/base/error.hpp"
#include "oci/model/json.hpp"

namespace davit::transport::aws {
namespace {

using oci::Error;
using oci::ErrorKind;

TimedKeys checked(TimedKeys keys, const std::string& expires, std::string_view what) {
  if (keys.keys.access_key_id.empty() || keys.keys.secret_access_key.empty()) {
    throw Error(ErrorKind::denied, fmt::format("{} gave no keys", what));
  }
  if (!expires.empty()) {
    keys.expires = parse_time(expires);
    if (!keys.expires) {
      throw Error(ErrorKind::denied,
                  fmt::format("{} gave keys that expire at no known time", what));
    }
  }
  return keys;
}

std::string unescaped(std::string text) {
  for (const auto& [entity, character] :
       {std::pair{"&lt;", '<'}, std::pair{"&gt;", '>'}, std::pair{"&quot;", '"'},
        std::pair{"&apos;", '\''}, std::pair{"&amp;", '&'}}) {
    for (auto at = text.find(entity); at != std::string::npos; at = text.find(entity, at + 1)) {
      text.replace(at, std::string_view(entity).size(), 1, character);
    }
  }
  return text;
}

}  // namespace

std::optional<std::chrono::system_clock::time_point> parse_time(std::string_view text) {
  std::tm date{};
  int used = 0;
  const std::string owned(text);
  if (std::sscanf(owned.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d%n", &date.tm_year, &date.tm_mon,
                  &date.tm_mday, &date.tm_hour, &date.tm_min, &date.tm_sec, &used) != 6) {
    return std::nullopt;
  }
  std::string_view rest = std::string_view(owned).substr(static_cast<std::size_t>(used));
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    while (!rest.empty() && rest.front() >= '0' && rest.front() <= '9') rest.remove_prefix(1);
  }
  int hours = 0;
  int minutes = 0;
  char sign = 0;
  if (rest != "Z" && rest != "UTC") {
    const std::string offset(rest);
    if (std::sscanf(offset.c_str(), "%c%2d:%2d", &sign, &hours, &minutes) != 3 ||
        (sign != '+' && sign != '-')) {
      return std::nullopt;
    }
  }
  date.tm_year -= 1900;
  date.tm_mon -= 1;
  const auto time = std::chrono::system_clock::from_time_t(::timegm(&date));
  const auto shift = std::chrono::hours(hours) + std::chrono::minutes(minutes);
  return sign == '-' ? time + shift : time - shift;
}

TimedKeys parse_keys(std::string_view json, std::string_view what) {
  TimedKeys keys;
  std::string expires;
  try {
    const oci::Json document = oci::parse_json(json, what);
    if (!document.is_object()) throw Error(ErrorKind::corrupt, "not an object");
    keys.keys.access_key_id = oci::string_member(document, "AccessKeyId", what);
    keys.keys.secret_access_key = oci::string_member(document, "SecretAccessKey", what);
    keys.keys.session_token = oci::string_member(document, "SessionToken", what);
    if (keys.keys.session_token.empty()) {
      keys.keys.session_token = oci::string_member(document, "Token", what);
    }
    expires = oci::string_member(document, "Expiration", what);
  } catch (const Error&) {
    // The parser's words may hold what it read.
    throw Error(ErrorKind::denied, fmt::format("{} gave what are no keys", what));
  }
  return checked(std::move(keys), expires, what);
}

std::string xml_text(std::string_view xml, std::string_view element) {
  const std::string open = fmt::format("<{}>", element);
  const auto begin = xml.find(open);
  if (begin == std::string_view::npos) return {};
  const auto end = xml.find(fmt::format("</{}>", element), begin);
  if (end == std::string_view::npos) return {};
  return unescaped(std::string(xml.substr(begin + open.size(), end - begin - open.size())));
}

TimedKeys parse_sts_keys(std::string_view xml, std::string_view what) {
  TimedKeys keys;
  keys.keys.access_key_id = xml_text(xml, "AccessKeyId");
  keys.keys.secret_access_key = xml_text(xml, "SecretAccessKey");
  keys.keys.session_token = xml_text(xml, "SessionToken");
  return checked(std::move(keys), xml_text(xml, "Expiration"), what);
}

}  // namespace davit::transport::aws
