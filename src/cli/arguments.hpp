#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "src/cli/settings.hpp"

namespace davit::app {

class Session;

/// The whole numbers that an option takes.
struct Range {
  std::size_t least = 0;
  std::size_t greatest = 0;
};

/// The words that a command understands, and what it does with them. A thin front of the library
/// that parses them, so that only one source has to know (and compile) that. Options are given as
/// "-j,--jobs"; values are written by `parse_arguments` into what was registered, which the caller
/// keeps alive by capturing it in `run`.
class Arguments {
 public:
  struct Node;
  explicit Arguments(std::shared_ptr<Node> node) : node_(std::move(node)) {}

  void flag(const std::string& names, bool& into, const std::string& help);
  /// Counts how often it stands there: -vv.
  void count(const std::string& names, int& into, const std::string& help);
  void option(const std::string& names, const std::string& value, std::string& into,
              const std::string& help);
  void option(const std::string& names, const std::string& value, std::optional<std::string>& into,
              const std::string& help);
  void number(const std::string& names, const std::string& value, Range range, std::size_t& into,
              const std::string& help);
  /// May stand several times; one value each.
  void list(const std::string& names, const std::string& value, std::vector<std::string>& into,
            const std::string& help);
  /// Calls back in the order of the words, also between different options.
  void each(const std::string& names, const std::string& value,
            std::function<void(const std::string&)> take, const std::string& help);
  void positional(const std::string& name, std::string& into, const std::string& help);
  void optional_positional(const std::string& name, std::string& into, const std::string& help);
  /// At least `least`.
  void positionals(const std::string& name, std::vector<std::string>& into, std::size_t least,
                   const std::string& help);

  /// Options from here on stand under this heading in the help.
  void heading(const std::string& title);

  /// A command below this one.
  Arguments command(const std::string& name, const std::string& help,
                    const std::string& alias = "");
  /// Text below the options in the help: examples.
  void footer(const std::string& text);
  /// What some of the options say of the session in which the command runs.
  void settle(std::function<void(Settings&)> take);
  /// What the command does, once its words are parsed, in a session that has begun.
  void run(std::function<void(Session&)> action);

 private:
  std::shared_ptr<Node> node_;
};

/// The words of one run, understood.
struct Parsed {
  Settings settings;
  std::function<void(Session&)> action;
  std::string text;  ///< instead of an action: a help text
};

/// Declares all commands through `declare` and parses. Throws Error(usage).
Parsed parse_arguments(const std::vector<std::string>& words,
                       const std::function<void(Arguments&)>& declare);

}  // namespace davit::app
