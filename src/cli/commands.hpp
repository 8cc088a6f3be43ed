#pragma once

#include <span>
#include <string_view>

#include "src/cli/arguments.hpp"

namespace davit::app {

/// A command, or a family of them.
struct Command {
  std::string_view name;
  std::string_view alias;  ///< empty: none
  std::string_view help;   ///< what it does, in half a line
  /// Declares its words and what it does, or the commands below it.
  void (*declare)(Arguments command);
};

/// Declares commands below one, in the order in which the help lists them.
void declare_each(Arguments& above, std::span<const Command> commands);

/// Declares all commands of the program.
void declare_commands(Arguments& root);

}  // namespace davit::app
