#include "src/cli/output.hpp"

#include <algorithm>
#include <utility>

#include "oci/base/bytes.hpp"
#include "oci/base/text.hpp"
#include "src/cli/values.hpp"

namespace davit::app {
namespace {

/// Of a table, the rows whose cells say how wide the columns are.
constexpr std::size_t measured_rows = 1000;

/// How much is written at a time.
constexpr std::size_t buffer_limit = 64 * oci::KiB;

/// How many columns of a terminal a text takes, near enough: characters, not bytes.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

template <class... Actions>
struct Overloaded : Actions... {
  using Actions::operator()...;
};
template <class... Actions>
Overloaded(Actions...) -> Overloaded<Actions...>;

}  // namespace

std::string Cell::text() const {
  std::string text =
      std::visit(Overloaded{[](std::monostate) { return std::string(); },
                            [](const std::string& value) { return oci::printable(value); },
                            [](const std::vector<std::string>& value) {
                              return oci::printable(oci::join(value, ","));
                            },
                            [](bool value) { return std::string(value ? "yes" : "no"); },
                            [](std::uint64_t value) { return std::to_string(value); },
                            [](Size value) { return oci::human_size(value.bytes); },
                            [](Time value) { return rfc3339(value.seconds); },
                            [](const oci::Json& value) { return oci::to_printable_text(value); }},
                 value_);
  return text.empty() ? "-" : text;
}

oci::Json Cell::json() const {
  return std::visit(
      Overloaded{[](std::monostate) { return oci::Json(); },
                 [](const std::string& value) { return oci::Json(value); },
                 [](const std::vector<std::string>& value) { return oci::Json(value); },
                 [](bool value) { return oci::Json(value); },
                 [](std::uint64_t value) { return oci::Json(value); },
                 [](Size value) { return oci::Json(value.bytes); },
                 [](Time value) { return oci::Json(rfc3339(value.seconds)); },
                 [](const oci::Json& value) { return value; }},
      value_);
}

void Output::line(std::string_view text) {
  if (form_ == Form::json) return;
  end_block();
  emit(oci::printable(text) + "\n");
  flush();
}

void Output::emit(std::string_view text) {
  buffer_ += text;
  if (buffer_.size() >= buffer_limit) flush();
}

void Output::flush() {
  if (!buffer_.empty()) write_(buffer_);
  buffer_.clear();
}

void Output::open_member(std::string_view key) {
  end_block();
  emit((members_++ == 0 ? "{" : ",") + oci::to_printable_text(oci::Json(key)) + ":");
}

void Output::member(std::string_view key, const oci::Json& value) {
  if (form_ == Form::text) return;
  open_member(key);
  emit(oci::to_printable_text(value));
}

void Output::fact(std::string_view label, std::string_view key, const Cell& value) {
  if (form_ == Form::json) {
    if (!key.empty() && !value.absent()) member(key, value.json());
    return;
  }
  if (in_table_) end_block();
  const std::string text = value.text();
  if (!label.empty() && text != "-") align({std::string(label), text});
}

void Output::table(std::string_view key, std::vector<Column> columns, Headings headings) {
  end_block();
  if (form_ == Form::json) {
    open_member(key);
    emit("[");
  }
  in_table_ = true;
  first_row_ = true;
  columns_ = std::move(columns);
  if (form_ == Form::json || headings == Headings::hidden) return;
  Line names;
  for (const Column& column : columns_) {
    if (!column.heading.empty()) names.emplace_back(column.heading);
  }
  align(std::move(names));
}

void Output::row(const std::vector<Cell>& cells) {
  if (form_ == Form::json) {
    oci::Json object = oci::Json::object();
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (columns_[i].key.empty() || cells[i].absent()) continue;
      object.editable_members().push_back({std::string(columns_[i].key), cells[i].json()});
    }
    emit((first_row_ ? "" : ",") + oci::to_printable_text(object));
    first_row_ = false;
    return;
  }
  Line line;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (!columns_[i].heading.empty()) line.push_back(cells[i].text());
  }
  align(std::move(line));
}

void Output::sum(const std::vector<Cell>& cells) {
  if (form_ == Form::json) return;
  Line line;
  for (const Cell& cell : cells) line.push_back(cell.absent() ? "" : cell.text());
  align(std::move(line));
}

void Output::align(Line cells) {
  waiting_.push_back(std::move(cells));
  if (!widths_.empty() || waiting_.size() == measured_rows) write_rows();
}

void Output::write_rows() {
  if (widths_.empty()) {
    for (const Line& row : waiting_) {
      widths_.resize(std::max(widths_.size(), row.size()));
      for (std::size_t i = 0; i < row.size(); ++i) {
        widths_[i] = std::max(widths_[i], width_of(row[i]));
      }
    }
  }
  std::string text;
  for (const Line& row : waiting_) {
    // A cell is followed by spaces only where another follows.
    std::size_t spaces = 0;
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (!row[i].empty()) text.append(std::exchange(spaces, 0), ' ') += row[i];
      const std::size_t width = width_of(row[i]);
      spaces += std::max(widths_[i], width) - width + 2;
    }
    text += "\n";
  }
  waiting_.clear();
  emit(text);
}

void Output::end_block() {
  if (form_ == Form::json) {
    if (in_table_) emit("]");
  } else if (!waiting_.empty()) {
    write_rows();
  }
  in_table_ = false;
  widths_.clear();
}

void Output::finish() {
  if (finished_) return;
  finished_ = true;
  end_block();
  if (form_ == Form::json) emit(members_ == 0 ? "{}\n" : "}\n");
  flush();
}

}  // namespace davit::app
