#include "oci/model/json.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

#include "oci/base/error.hpp"
#include "oci/base/limits.hpp"
#include "oci/model/descriptor.hpp"

namespace davit::oci {
namespace {

Error bad(std::string_view what, std::string_view why) {
  return Error(ErrorKind::corrupt, fmt::format("{}: {}", what, why));
}

/// Builds a value from what the parser sees, and refuses what the limits forbid as soon as it
/// comes.
class Builder final : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit Builder(std::string_view what) : what_(what) {}

  Json take() { return std::move(root_); }

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(number_integer_t value) override {
    // The parser calls this for what has a sign: "-0" is no size, though it is not negative.
    return value == 0 ? add(-0.0) : add(value);
  }
  bool number_unsigned(number_unsigned_t value) override { return add(value); }
  bool number_float(number_float_t value, const string_t&) override { return add(value); }
  bool string(string_t& text) override { return add(std::move(text)); }
  bool binary(binary_t&) override { return false; }
  bool key(string_t& name) override {
    name_ = std::move(name);
    return true;
  }
  bool start_object(std::size_t) override { return open(Json::object()); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool end_array() override { return close(); }
  bool end_object() override {
    std::vector<std::string_view> names;
    for (const Json::Member& member : open_.back()->members()) names.push_back(member.name);
    std::sort(names.begin(), names.end());
    if (const auto twice = std::adjacent_find(names.begin(), names.end()); twice != names.end()) {
      throw bad(what_, fmt::format("the key '{}' stands twice", printable(twice->substr(0, 80))));
    }
    return close();
  }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    throw bad(what_, fmt::format("not JSON at byte {}", position));
  }

 private:
  /// Values stay where they are while one of theirs is open: only the innermost grows.
  Json& place(Json value) {
    if (++values_ > json_value_limit) throw bad(what_, "too many JSON values");
    if (open_.empty()) return root_ = std::move(value);
    Json& parent = *open_.back();
    if (parent.is_array()) return parent.push_back(std::move(value));
    return parent.editable_members()
        .emplace_back(Json::Member{std::move(name_), std::move(value)})
        .value;
  }
  bool add(Json value) {
    place(std::move(value));
    return true;
  }
  bool open(Json value) {
    if (open_.size() >= json_depth_limit) throw bad(what_, "JSON nested too deep");
    open_.push_back(&place(std::move(value)));
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  std::string_view what_;
  Json root_;
  std::vector<Json*> open_;
  std::string name_;
  std::size_t values_ = 0;
};

/// Where the first text that is not UTF-8 stands, as "config.Labels.name"; empty if all is.
std::string not_utf8(const Json& json, const std::string& path) {
  const auto below = [&](std::string_view name) {
    return path.empty() ? std::string(name) : fmt::format("{}.{}", path, name);
  };
  if (json.is_string()) return is_utf8(json.string()) ? "" : path;
  for (std::size_t i = 0; json.is_array() && i < json.size(); ++i) {
    if (std::string found = not_utf8(json[i], below(fmt::to_string(i))); !found.empty()) {
      return found;
    }
  }
  if (!json.is_object()) return {};
  for (const auto& [name, value] : json.members()) {
    if (!is_utf8(name)) return below(name);
    if (std::string found = not_utf8(value, below(name)); !found.empty()) return found;
  }
  return {};
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

const Json* member(const Json& object, std::string_view key) {
  const Json* found = object.find(key);
  return found == nullptr || found->is_null() ? nullptr : found;
}

using ByName = std::vector<const Json::Member*>;

ByName by_name(const Json& object) {
  ByName members;
  for (const Json::Member& one : object.members()) members.push_back(&one);
  std::sort(members.begin(), members.end(),
            [](const Json::Member* a, const Json::Member* b) { return a->name < b->name; });
  return members;
}

}  // namespace

/// Writes a value as text. A class of its own name, since it is a friend of Json.
class JsonWriter {
 public:
  enum class Utf8 { required, repaired };

  JsonWriter(std::string_view indent, Utf8 policy) : indent_(indent), policy_(policy) {}

  std::string run(const Json& json) {
    root_ = &json;
    write(json, 0);
    return std::move(text_);
  }

 private:
  void write(const Json& json, std::size_t depth) {
    std::visit([&](const auto& value) { write(value, depth); }, json.value_);
  }
  void write(std::nullptr_t, std::size_t) { text_ += "null"; }
  void write(bool value, std::size_t) { text_ += value ? "true" : "false"; }
  void write(std::uint64_t value, std::size_t) { text_ += fmt::to_string(value); }
  void write(std::int64_t value, std::size_t) { text_ += fmt::to_string(value); }
  void write(double value, std::size_t) { text_ += nlohmann::json(value).dump(); }
  void write(const std::string& text, std::size_t) {
    const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
      return c >= ' ' && c <= '~' && c != '"' && c != '\\';
    });
    if (plain) {
      text_.append(1, '"').append(text).append(1, '"');
      return;
    }
    if (policy_ == Utf8::required && !is_utf8(text)) {
      throw Error(ErrorKind::usage,
                  fmt::format("'{}' is not UTF-8", printable(not_utf8(*root_, ""))));
    }
    text_ += nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  }
  void write(const Json::Array& elements, std::size_t depth) {
    list("[]", elements, depth, [&](const Json& element) { write(element, depth + 1); });
  }
  void write(const Json::Object& members, std::size_t depth) {
    list("{}", members, depth, [&](const Json::Member& one) {
      write(one.name, depth);
      text_ += indent_.empty() ? ":" : ": ";
      write(one.value, depth + 1);
    });
  }

  template <class List, class WriteOne>
  void list(std::string_view brackets, const List& elements, std::size_t depth,
            const WriteOne& write_one) {
    text_ += brackets[0];
    for (const auto& element : elements) {
      if (&element != &elements.front()) text_ += ',';
      new_line(depth + 1);
      write_one(element);
    }
    if (!elements.empty()) new_line(depth);
    text_ += brackets[1];
  }

  void new_line(std::size_t depth) {
    if (indent_.empty()) return;
    text_ += '\n';
    for (std::size_t i = 0; i < depth; ++i) text_ += indent_;
  }

  const std::string_view indent_;
  const Utf8 policy_;
  const Json* root_ = nullptr;
  std::string text_;
};

Json::Json() = default;
Json::Json(std::nullptr_t) {}
Json::Json(bool value, Truth) : value_(value) {}
Json::Json(std::uint64_t value, bool is_negative) : value_(value) {
  if (is_negative) value_ = static_cast<std::int64_t>(value);
}
Json::Json(double value) : value_(value) {}
Json::Json(std::string text) : value_(std::move(text)) {}
Json::Json(std::string_view text) : value_(std::string(text)) {}
Json::Json(const char* text) : value_(std::string(text)) {}
Json::Json(const std::vector<std::string>& texts) : value_(Array(texts.begin(), texts.end())) {}
Json::Json(const std::map<std::string, std::string>& texts) : value_(Object()) {
  for (const auto& [name, text] : texts) editable_members().push_back({name, text});
}
Json::Json(std::initializer_list<Member> members) : value_(Object(members)) {}
Json::Json(const Json& other) = default;
Json::Json(Json&& other) noexcept = default;
Json& Json::operator=(const Json& other) = default;
Json& Json::operator=(Json&& other) noexcept = default;
Json::~Json() = default;

Json Json::array(std::initializer_list<Json> elements) {
  Json json;
  json.value_ = Array(elements);
  return json;
}

Json Json::object() {
  Json json;
  json.value_ = Object();
  return json;
}

bool Json::is_number() const {
  return is_unsigned() || std::holds_alternative<std::int64_t>(value_) ||
         std::holds_alternative<double>(value_);
}

bool Json::is_true() const {
  const bool* value = std::get_if<bool>(&value_);
  return value != nullptr && *value;
}

double Json::number() const {
  if (is_unsigned()) return static_cast<double>(whole());
  const auto* whole = std::get_if<std::int64_t>(&value_);
  return whole != nullptr ? static_cast<double>(*whole) : std::get<double>(value_);
}

std::size_t Json::size() const {
  if (is_array()) return std::get<Array>(value_).size();
  return is_object() ? members().size() : 0;
}

const Json* Json::begin() const { return is_array() ? std::get<Array>(value_).data() : nullptr; }
const Json* Json::end() const { return is_array() ? begin() + size() : nullptr; }
Json* Json::begin() { return is_array() ? std::get<Array>(value_).data() : nullptr; }
Json* Json::end() { return is_array() ? begin() + size() : nullptr; }

const Json::Object& Json::members() const {
  static const Object none;
  return is_object() ? std::get<Object>(value_) : none;
}

Json& Json::push_back(Json element) {
  if (is_null()) value_ = Array();
  return std::get<Array>(value_).emplace_back(std::move(element));
}

void Json::erase(std::size_t index) {
  auto& elements = std::get<Array>(value_);
  elements.erase(elements.begin() + static_cast<std::ptrdiff_t>(index));
}

const Json* Json::find(std::string_view name) const {
  for (const Member& one : members()) {
    if (one.name == name) return &one.value;
  }
  return nullptr;
}

Json* Json::find(std::string_view name) {
  return const_cast<Json*>(std::as_const(*this).find(name));
}

const Json& Json::operator[](std::string_view name) const {
  static const Json null;
  const Json* found = find(name);
  return found != nullptr ? *found : null;
}

Json& Json::operator[](std::string_view name) {
  if (is_null()) value_ = Object();
  if (Json* found = find(name)) return *found;
  return editable_members().emplace_back(Member{std::string(name), nullptr}).value;
}

void Json::erase(std::string_view name) {
  if (!is_object()) return;
  std::erase_if(editable_members(), [&](const Member& one) { return one.name == name; });
}

void Json::sort() {
  for (Json& element : *this) element.sort();
  if (!is_object()) return;
  Object& members = editable_members();
  for (Member& one : members) one.value.sort();
  std::sort(members.begin(), members.end(),
            [](const Member& a, const Member& b) { return a.name < b.name; });
}

bool operator==(const Json& a, const Json& b) {
  if (a.is_number() && b.is_number()) {
    return a.is_unsigned() && b.is_unsigned() ? a.whole() == b.whole() : a.number() == b.number();
  }
  if (!a.is_object() || !b.is_object()) return a.value_ == b.value_;
  if (a.size() != b.size()) return false;
  const ByName left = by_name(a);
  const ByName right = by_name(b);
  return std::equal(left.begin(), left.end(), right.begin(),
                    [](const Json::Member* one, const Json::Member* other) {
                      return one->name == other->name && one->value == other->value;
                    });
}

Json parse_json(std::string_view text, std::string_view what) {
  if (text.size() > document_limit) {
    throw bad(what, fmt::format("larger than {} bytes", document_limit));
  }
  if (text.starts_with("\xef\xbb\xbf")) throw bad(what, "starts with a byte order mark");
  if (text.find('\0') != std::string_view::npos) throw bad(what, "has a NUL byte");
  Builder builder(what);
  nlohmann::json::sax_parse(text, &builder);
  return builder.take();
}

void refuse_lookalikes(const Json& object, std::span<const std::string_view> names,
                       std::string_view what) {
  for (const auto& [key, value] : object.members()) {
    if (std::find(names.begin(), names.end(), key) != names.end()) continue;
    const auto same = [lower = folded(key)](std::string_view name) {
      return folded(name) == lower;
    };
    if (const auto name = std::find_if(names.begin(), names.end(), same); name != names.end()) {
      throw bad(what, fmt::format("the key '{}' looks like '{}'", printable(key), *name));
    }
  }
}

std::string to_text(const Json& json, std::string_view indent) {
  return JsonWriter(indent, JsonWriter::Utf8::required).run(json);
}

std::string to_printable_text(const Json& json) {
  return JsonWriter({}, JsonWriter::Utf8::repaired).run(json);
}

std::string string_member(const Json& object, std::string_view key, std::string_view what) {
  const Json* found = member(object, key);
  if (found == nullptr) return {};
  if (!found->is_string()) throw bad(what, fmt::format("'{}' is not a string", key));
  return found->string();
}

std::uint64_t size_member(const Json& object, std::string_view key, std::string_view what) {
  constexpr std::uint64_t most = std::uint64_t{1} << 62;
  const Json* found = member(object, key);
  if (found == nullptr || !found->is_unsigned() || found->whole() > most) {
    throw bad(what, fmt::format("'{}' is not a size", key));
  }
  return found->whole();
}

const Json& array_member(const Json& object, std::string_view key, std::string_view what) {
  static const Json none = Json::array();
  const Json* found = member(object, key);
  if (found == nullptr) return none;
  if (!found->is_array()) throw bad(what, fmt::format("'{}' is not an array", key));
  return *found;
}

std::vector<std::string> strings_member(const Json& object, std::string_view key,
                                        std::string_view what) {
  std::vector<std::string> texts;
  for (const Json& element : array_member(object, key, what)) {
    if (!element.is_string()) {
      throw bad(what, fmt::format("'{}' has a member that is not a string", key));
    }
    texts.push_back(element.string());
  }
  return texts;
}

const Json& object_member(const Json& object, std::string_view key, std::string_view what) {
  static const Json none = Json::object();
  const Json* found = member(object, key);
  if (found == nullptr) return none;
  if (!found->is_object()) throw bad(what, fmt::format("'{}' is not an object", key));
  return *found;
}

}  // namespace davit::oci
