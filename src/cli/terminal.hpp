#pragma once

#include <termios.h>

#include <cstddef>
#include <stop_token>
#include <string>
#include <string_view>

namespace davit::app {

/// Opens standard streams that whoever started this process closed, on /dev/null: the next file
/// that is opened would be taken for them. The first thing that the program does.
void open_missing_streams();

/// From now on a stop ends waits for standard input and output.
void end_waits_with(std::stop_token stop);

/// Whether stderr is a terminal that understands cursor movement.
bool stderr_is_terminal();
/// Columns of that terminal; 80 where it does not say.
std::size_t terminal_width();

/// Whole pieces of text on stderr, each in one write where it is short, so that lines of several
/// threads stay lines. After a stop, what nobody takes at once is dropped.
void write_stderr(std::string_view text);
/// On stdout. Throws Error(failed) if it cannot be written, as to a full disk. Into a pipe that
/// nobody reads any more it ends the process, quietly, as SIGPIPE does by default.
void write_stdout(std::string_view text);

/// The terminal of standard input does not show what is typed, as long as this lives. Throws
/// Error(usage) where standard input is no terminal.
class HiddenInput {
 public:
  HiddenInput();
  ~HiddenInput();
  HiddenInput(const HiddenInput&) = delete;
  HiddenInput& operator=(const HiddenInput&) = delete;
};

/// For whoever ends or pauses the process out of turn: the terminal as it was before, and again as
/// HiddenInput made it. Both do nothing where there is none.
void show_input();
void hide_input();

/// A line of standard input, without its end. Throws Error(usage) if it is longer than a password.
std::string read_line();

/// A file's content, or by the name "-" that of standard input. Error(usage) beyond `limit` bytes.
std::string read_input(const std::string& name, std::size_t limit);

}  // namespace davit::app
