#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace davit::oci {

/// A JSON value: null, a boolean, a number, a text, an array or an object. An object keeps its
/// members in the order in which they were read or added, so that a document can be edited, and a
/// result be printed, without moving what stands in it.
///
/// Values are made where they are needed: Json{{"name", name}, {"tags", tags}} is an object,
/// Json::array({1, "two"}) an array. A list in braces is always one of members, so an array of one
/// element must say `array`.
class Json {
 public:
  struct Member;
  using Array = std::vector<Json>;
  using Object = std::vector<Member>;

  Json();  ///< null
  Json(std::nullptr_t);
  Json(std::same_as<bool> auto value) : Json(value, Truth()) {}
  template <std::integral Number>
  requires(!std::same_as<Number, bool>) Json(Number value)
      : Json(static_cast<std::uint64_t>(value), value < 0) {}
  Json(double value);
  Json(std::string text);
  Json(std::string_view text);
  Json(const char* text);
  Json(const std::vector<std::string>& texts);            ///< an array
  Json(const std::map<std::string, std::string>& texts);  ///< an object
  Json(std::initializer_list<Member> members);            ///< an object
  static Json array(std::initializer_list<Json> elements = {});
  static Json object();

  Json(const Json& other);
  Json(Json&& other) noexcept;
  Json& operator=(const Json& other);
  Json& operator=(Json&& other) noexcept;
  ~Json();

  bool is_null() const { return std::holds_alternative<std::nullptr_t>(value_); }
  bool is_string() const { return std::holds_alternative<std::string>(value_); }
  bool is_array() const { return std::holds_alternative<Array>(value_); }
  bool is_object() const { return std::holds_alternative<Object>(value_); }
  bool is_number() const;
  /// A whole number that is not negative and was written as such: not 1.0, 1e3 or -0, nor what does
  /// not fit 64 bits.
  bool is_unsigned() const { return std::holds_alternative<std::uint64_t>(value_); }
  /// Whether it is the value `true`.
  bool is_true() const;

  /// What it is; only of a value that is that.
  const std::string& string() const { return std::get<std::string>(value_); }
  std::uint64_t whole() const { return std::get<std::uint64_t>(value_); }
  double number() const;

  /// Of an array its elements, of an object its members. Everything else is empty.
  std::size_t size() const;
  bool empty() const { return size() == 0; }
  const Json* begin() const;
  const Json* end() const;
  Json* begin();
  Json* end();
  const Object& members() const;
  /// Only of an object. Whoever adds to them sees to it that no name stands twice.
  Object& editable_members() { return std::get<Object>(value_); }

  const Json& operator[](std::size_t index) const { return std::get<Array>(value_)[index]; }
  Json& operator[](std::size_t index) { return std::get<Array>(value_)[index]; }
  /// Adds an element; null becomes an array before.
  Json& push_back(Json element);
  void erase(std::size_t index);

  /// The member of this name, nullptr if there is none or this is no object.
  const Json* find(std::string_view name) const;
  Json* find(std::string_view name);
  /// The member of this name, or null.
  const Json& operator[](std::string_view name) const;
  bool contains(std::string_view name) const { return find(name) != nullptr; }
  /// The member of this name, null if it was missing; null becomes an object before. A member that
  /// is added moves the others: what refers to one of them refers to nothing any more.
  Json& operator[](std::string_view name);
  void erase(std::string_view name);
  /// Orders the members of all objects by their names, as a document of ours has them that depends
  /// on nothing but what it says.
  void sort();

  /// Whether both say the same; the order of members says nothing, nor does the way in which a
  /// number is written.
  friend bool operator==(const Json& a, const Json& b);

 private:
  friend class JsonWriter;
  struct Truth {};
  Json(bool value, Truth);
  /// A whole number; a negative one as 64 bits in two's complement.
  Json(std::uint64_t value, bool is_negative);

  std::variant<std::nullptr_t, bool, std::uint64_t, std::int64_t, double, std::string, Array,
               Object>
      value_;
};

struct Json::Member {
  std::string name;
  Json value;
  friend bool operator==(const Member& a, const Member& b) = default;
};

/// Parses JSON from outside. Beyond what is not JSON, these are errors: more than document_limit
/// bytes, nesting deeper than 64, a key twice in one object, a byte order mark, a NUL byte, and
/// more than 200,000 values. Throws Error(corrupt) naming `what`.
Json parse_json(std::string_view text, std::string_view what);

/// Error(corrupt) if a member's name differs from one of `names` only in case. Go's decoder takes
/// both for the same member, the last one wins: Docker would read another document than this
/// program does (the idea of CVE-2021-41190).
void refuse_lookalikes(const Json& object, std::span<const std::string_view> names,
                       std::string_view what);

/// A document of ours: compact, or each value on a line of its own behind so much of `indent`.
/// Error(usage) naming the member if a text, such as a label from the command line, is not UTF-8.
std::string to_text(const Json& json, std::string_view indent = {});
/// As compact, for a person or a script to read: what is not UTF-8 in a text that others wrote
/// becomes U+FFFD.
std::string to_printable_text(const Json& json);

/// Members of an object that must be of their type where present; Error(corrupt) naming `what`
/// and the key. null counts as absent.
std::string string_member(const Json& object, std::string_view key, std::string_view what);
std::uint64_t size_member(const Json& object, std::string_view key, std::string_view what);
/// An array, or an empty one if absent.
const Json& array_member(const Json& object, std::string_view key, std::string_view what);
/// An array of texts, empty if absent.
std::vector<std::string> strings_member(const Json& object, std::string_view key,
                                        std::string_view what);
/// An object, or an empty one if absent.
const Json& object_member(const Json& object, std::string_view key, std::string_view what);

}  // namespace davit::oci
