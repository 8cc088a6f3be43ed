#include "transport/auth/challenge.hpp"

#include <algorithm>
#include <cctype>
#include <optional>
#include <string_view>
#include <utility>

#include "oci/base/text.hpp"

namespace davit::transport {
namespace {

constexpr std::size_t count_limit = 16;
constexpr std::size_t field_limit = 8192;
constexpr std::string_view blanks = " \t";
constexpr std::string_view separators = " \t,";

bool is_token_char(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool is_control(char c) { return std::iscntrl(static_cast<unsigned char>(c)) != 0; }

/// Reads one field from left to right. Commas and blanks are all separators, for there are servers
/// that leave the commas out; what follows a token tells what it is: "=" makes it a parameter's
/// name, anything else a scheme.
class FieldReader {
 public:
  FieldReader(std::string_view field, std::vector<Challenge>& into) : rest_(field), into_(into) {}

  void read() {
    while (skip(separators), !rest_.empty()) {
      const std::string_view word = take_while(is_token_char);
      if (word.empty()) {
        take_value();
        continue;
      }
      const std::string_view behind_word = rest_;
      skip(blanks);
      if (rest_.starts_with('=')) {
        rest_.remove_prefix(1);
        skip(blanks);
        add_parameter(oci::lower_case(word), take_value());
      } else {
        rest_ = behind_word;
        add_scheme(oci::lower_case(word));
      }
    }
  }

 private:
  void skip(std::string_view characters) {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(characters), rest_.size()));
  }

  template <class Predicate>
  std::string_view take_while(Predicate predicate) {
    const auto end = std::find_if_not(rest_.begin(), rest_.end(), predicate);
    const std::string_view taken = rest_.substr(0, static_cast<std::size_t>(end - rest_.begin()));
    rest_.remove_prefix(taken.size());
    return taken;
  }

  /// A quoted string, or all up to the next separator. Nothing for one that is not closed.
  std::optional<std::string> take_value() {
    if (!rest_.starts_with('"')) {
      return std::string(
          take_while([](char c) { return separators.find(c) == std::string_view::npos; }));
    }
    std::string value;
    for (std::size_t i = 1; i < rest_.size(); ++i) {
      if (rest_[i] == '"') {
        rest_.remove_prefix(i + 1);
        return value;
      }
      if (rest_[i] == '\\' && i + 1 < rest_.size()) ++i;
      value += rest_[i];
    }
    rest_ = {};
    return std::nullopt;
  }

  void add_scheme(std::string name) {
    in_challenge_ = into_.size() < count_limit;
    if (in_challenge_) into_.push_back({std::move(name), {}});
  }

  void add_parameter(std::string name, std::optional<std::string> value) {
    if (!in_challenge_ || !value || std::any_of(value->begin(), value->end(), is_control)) return;
    auto& parameters = into_.back().parameters;
    if (parameters.size() < count_limit) parameters.emplace(std::move(name), *std::move(value));
  }

  std::string_view rest_;
  std::vector<Challenge>& into_;
  bool in_challenge_ = false;
};

}  // namespace

std::string Challenge::parameter(const std::string& name) const {
  const auto found = parameters.find(name);
  return found == parameters.end() ? std::string() : found->second;
}

std::vector<Challenge> parse_challenges(const Headers& headers) {
  std::vector<Challenge> challenges;
  std::size_t fields = 0;
  for (const std::string& field : headers.all("WWW-Authenticate")) {
    if (++fields > count_limit) break;
    FieldReader(std::string_view(field).substr(0, field_limit), challenges).read();
  }
  return challenges;
}

}  // namespace davit::transport
