#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace davit::app {

/// Whether stderr is a terminal that understands cursor movement.
bool stderr_is_terminal();
/// Columns of that terminal; 80 where it does not say.
std::size_t terminal_width();

/// Whole pieces of text on stderr, each in one write, so that lines of several threads stay lines.
void write_stderr(std::string_view text);
/// On stdout. Throws Error(failed) if it cannot be written, as to a full disk. Into a pipe that
/// nobody reads any more it ends the process, quietly, as SIGPIPE does by default.
void write_stdout(std::string_view text);

/// A file's content, or by the name "-" that of standard input. Error(usage) beyond `limit` bytes.
std::string read_input(const std::string& name, std::size_t limit);

}  // namespace davit::app
