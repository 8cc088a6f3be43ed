#include "oci/model/json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "oci/base/error.hpp"
#include "oci/model/descriptor.hpp"

namespace davit::oci {
namespace {

constexpr std::size_t depth_limit = 64;
constexpr std::size_t value_limit = 200'000;

Error bad(std::string_view what, std::string_view why) {
  return Error(ErrorKind::corrupt, fmt::format("{}: {}", what, why));
}

/// Walks the text without building anything, and refuses what the limits forbid.
class StrictCheck final : public nlohmann::json_sax<Json> {
 public:
  explicit StrictCheck(std::string_view what) : what_(what) {}

  bool null() override { return value(); }
  bool boolean(bool) override { return value(); }
  bool number_integer(number_integer_t) override { return value(); }
  bool number_unsigned(number_unsigned_t) override { return value(); }
  bool number_float(number_float_t, const string_t&) override { return value(); }
  bool string(string_t&) override { return value(); }
  bool binary(binary_t&) override { return value(); }
  bool start_object(std::size_t) override { return open(); }
  bool start_array(std::size_t) override { return open(); }
  bool end_array() override { return close(); }
  bool end_object() override { return close(); }
  bool key(string_t& name) override {
    if (!keys_.back().insert(name).second) {
      throw bad(what_, fmt::format("the key '{}' stands twice", printable(name.substr(0, 80))));
    }
    return true;
  }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    throw bad(what_, fmt::format("not JSON at byte {}", position));
  }

 private:
  bool value() {
    if (++values_ > value_limit) throw bad(what_, "too many JSON values");
    return true;
  }
  bool open() {
    if (keys_.size() >= depth_limit) throw bad(what_, "JSON nested too deep");
    keys_.emplace_back();
    return value();
  }
  bool close() {
    keys_.pop_back();
    return true;
  }

  std::string_view what_;
  std::vector<std::set<std::string>> keys_;
  std::size_t values_ = 0;
};

/// Where the first text that is not UTF-8 stands, as "config.Labels.name"; empty if all is.
template <class AnyJson>
std::string not_utf8(const AnyJson& json, const std::string& path) {
  if (json.is_string()) {
    return is_utf8(json.template get_ref<const std::string&>()) ? "" : path;
  }
  if (!json.is_structured()) return {};
  for (const auto& [key, value] : json.items()) {
    const std::string name = path.empty() ? key : path + "." + key;
    if (!is_utf8(key)) return name;
    if (std::string found = not_utf8(value, name); !found.empty()) return found;
  }
  return {};
}

template <class AnyJson>
std::string dump(const AnyJson& json) {
  try {
    return json.dump();
  } catch (const typename AnyJson::type_error&) {
    throw Error(ErrorKind::usage, fmt::format("'{}' is not UTF-8", printable(not_utf8(json, ""))));
  }
}

/// As Go's encoding/json compares names: without case, and with the two characters outside ASCII
/// whose other case lies within it, the long s and the Kelvin sign.
std::string folded(std::string_view name) {
  std::string text;
  while (!name.empty()) {
    const auto [letter, length] = name.starts_with("\u017f")   ? std::pair('s', 2)
                                  : name.starts_with("\u212a") ? std::pair('k', 3)
                                                               : std::pair(name[0], 1);
    text += letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
    name.remove_prefix(static_cast<std::size_t>(length));
  }
  return text;
}

const Json* member(const Json& object, const char* key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

}  // namespace

Json parse_json(std::string_view text, std::string_view what) {
  if (text.size() > document_limit) {
    throw bad(what, fmt::format("larger than {} bytes", document_limit));
  }
  if (text.starts_with("\xef\xbb\xbf")) throw bad(what, "starts with a byte order mark");
  if (text.find('\0') != std::string_view::npos) throw bad(what, "has a NUL byte");
  StrictCheck check(what);
  Json::sax_parse(text, &check);
  return Json::parse(text);
}

void refuse_lookalikes(const Json& object, std::span<const std::string_view> names,
                       std::string_view what) {
  for (const auto& [key, value] : object.items()) {
    if (std::find(names.begin(), names.end(), key) != names.end()) continue;
    const auto same = [lower = folded(key)](std::string_view name) {
      return folded(name) == lower;
    };
    if (const auto name = std::find_if(names.begin(), names.end(), same); name != names.end()) {
      throw bad(what, fmt::format("the key '{}' looks like '{}'", printable(key), *name));
    }
  }
}

std::string to_text(const Json& json) { return dump(json); }
std::string to_text(const nlohmann::ordered_json& json) { return dump(json); }

std::string string_member(const Json& object, const char* key, std::string_view what) {
  const Json* found = member(object, key);
  if (found == nullptr) return {};
  if (!found->is_string()) throw bad(what, fmt::format("'{}' is not a string", key));
  return found->get<std::string>();
}

std::uint64_t size_member(const Json& object, const char* key, std::string_view what) {
  const Json* found = member(object, key);
  // is_number_unsigned is false for 1e3, 1.0, -1 and what does not fit 64 bits, all of which
  // get<uint64_t> would quietly turn into something else.
  if (found == nullptr || !found->is_number_unsigned() ||
      found->get<std::uint64_t>() > std::uint64_t{1} << 62) {
    throw bad(what, fmt::format("'{}' is not a size", key));
  }
  return found->get<std::uint64_t>();
}

const Json& array_member(const Json& object, const char* key, std::string_view what) {
  static const Json none = Json::array();
  const Json* found = member(object, key);
  if (found == nullptr) return none;
  if (!found->is_array()) throw bad(what, fmt::format("'{}' is not an array", key));
  return *found;
}

const Json& object_member(const Json& object, const char* key, std::string_view what) {
  static const Json none = Json::object();
  const Json* found = member(object, key);
  if (found == nullptr) return none;
  if (!found->is_object()) throw bad(what, fmt::format("'{}' is not an object", key));
  return *found;
}

}  // namespace davit::oci
