#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "oci/model/json.hpp"

namespace davit::app {

/// A number of bytes, and seconds since 1970: what a person reads in another form than a script.
struct Size {
  std::uint64_t bytes;
};
struct Time {
  std::int64_t seconds;
};

/// A value of a result. Texts come from others as often as not: what a person sees of them has no
/// escapes in it, so that nobody's label moves the cursor of a terminal.
class Cell {
 public:
  Cell() = default;  ///< there is none: "-" for a person, left out for a script
  Cell(std::string text) : value_(std::move(text)) {}
  Cell(std::string_view text) : value_(std::string(text)) {}
  Cell(const char* text) : value_(std::string(text)) {}
  Cell(std::vector<std::string> texts) : value_(std::move(texts)) {}
  Cell(std::same_as<bool> auto flag) : value_(flag) {}
  template <std::unsigned_integral Number>
  requires(!std::same_as<Number, bool>) Cell(Number number)
      : value_(static_cast<std::uint64_t>(number)) {}
  Cell(oci::Json value) : value_(std::move(value)) {}
  Cell(Size size) : value_(size) {}
  Cell(Time time) : value_(time) {}

  /// For a person, on one line; "-" if it is empty.
  std::string text() const;
  bool absent() const { return std::holds_alternative<std::monostate>(value_); }
  oci::Json json() const;

 private:
  std::variant<std::monostate, std::string, std::vector<std::string>, bool, std::uint64_t, Size,
               Time, oci::Json>
      value_;
};

/// A text that may be missing: absent if it is empty.
inline Cell given(std::string text) { return text.empty() ? Cell() : Cell(std::move(text)); }

/// A column of a table. Without a heading it is for scripts alone, without a key for persons.
struct Column {
  std::string_view heading;
  std::string_view key;
};

/// The result of a command, as it comes: lines, facts and tables for a person, or one JSON object
/// for a script. What is said by the same call is said in both forms. Nothing is kept but what
/// aligns: the last facts, and the first thousand rows of a table, whose widths the others follow.
/// A short object is written when it is complete, so that a failure does not leave half of one.
class Output {
 public:
  enum class Form { text, json };
  /// `write` takes pieces of the text.
  Output(Form form, std::function<void(std::string_view)> write)
      : form_(form), write_(std::move(write)) {}

  Form form() const { return form_; }

  /// For a person. What it holds is printable, or made so.
  void line(std::string_view text);
  /// For a script.
  void member(std::string_view key, const oci::Json& value);
  /// For both: "Label  value" and "key": value. Without a label it is for scripts alone, without a
  /// key for persons. A person does not see what is absent or empty.
  void fact(std::string_view label, std::string_view key, const Cell& value);

  /// For both: a table, or a member with an array of objects. Rows follow.
  enum class Headings { shown, hidden };
  void table(std::string_view key, std::vector<Column> columns,
             Headings headings = Headings::shown);
  /// A cell for each column.
  void row(const std::vector<Cell>& cells);
  /// A last row, for a person alone, whose cells are those of the columns that a person sees.
  void sum(const std::vector<Cell>& cells);

  /// Ends the object, or the last table. Nothing comes after it.
  void finish();

 private:
  using Line = std::vector<std::string>;
  void align(Line cells);
  void end_block();
  void write_rows();
  void emit(std::string_view text);
  void flush();
  void open_member(std::string_view key);

  const Form form_;
  const std::function<void(std::string_view)> write_;
  std::vector<Column> columns_;
  std::vector<Line> waiting_;        ///< rows whose widths are not known yet
  std::vector<std::size_t> widths_;  ///< of the columns, once the first rows are written
  bool in_table_ = false;
  bool first_row_ = true;
  std::size_t members_ = 0;
  bool finished_ = false;
  std::string buffer_;
};

}  // namespace davit::app
