#include "transport/aws/key_documents.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <ctime>

#include "oci/base/error.hpp"
#include "oci/base/times.hpp"
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

/// Whether a text begins like the form, in which "0" stands for any digit.
bool has_form(std::string_view text, std::string_view form) {
  if (text.size() < form.size()) return false;
  for (std::size_t i = 0; i < form.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (form[i] == '0' ? !digit : text[i] != form[i]) return false;
  }
  return true;
}

int digits(std::string_view text, std::size_t at, std::size_t count) {
  int number = 0;
  for (const char c : text.substr(at, count)) number = number * 10 + (c - '0');
  return number;
}

}  // namespace

std::optional<std::chrono::system_clock::time_point> parse_time(std::string_view text) {
  constexpr std::string_view form = "0000-00-00T00:00:00";
  if (!has_form(text, form)) return std::nullopt;
  std::tm date{};
  date.tm_year = digits(text, 0, 4) - 1900;
  date.tm_mon = digits(text, 5, 2) - 1;
  date.tm_mday = digits(text, 8, 2);
  date.tm_hour = digits(text, 11, 2);
  date.tm_min = digits(text, 14, 2);
  date.tm_sec = digits(text, 17, 2);
  std::string_view rest = text.substr(form.size());
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    while (!rest.empty() && rest.front() >= '0' && rest.front() <= '9') rest.remove_prefix(1);
  }
  std::int64_t shift = 0;  // seconds
  if (rest != "Z" && rest != "UTC") {
    if (rest.empty() || (rest.front() != '+' && rest.front() != '-') || rest.size() != 6 ||
        !has_form(rest.substr(1), "00:00")) {
      return std::nullopt;
    }
    shift = digits(rest, 1, 2) * 3600 + digits(rest, 4, 2) * 60;
    if (rest.front() == '+') shift = -shift;
  }
  const std::int64_t seconds = std::max<std::int64_t>(0, ::timegm(&date) + shift);
  return oci::time_of(static_cast<std::uint64_t>(seconds));
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
