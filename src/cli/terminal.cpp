#include "src/cli/terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"
#include "oci/base/file.hpp"

namespace davit::app {
bool stderr_is_terminal() {
  const char* term = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) == 1 && term != nullptr && std::string_view(term) != "dumb";
}

std::size_t terminal_width() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 20) return 80;
  return size.ws_col;
}

void write_stderr(std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(STDERR_FILENO, text.data(), text.size());
    // Nobody can be told that stderr cannot be written.
    if (n < 0 && errno != EINTR) return;
    if (n > 0) text.remove_prefix(static_cast<std::size_t>(n));
  }
}

void write_stdout(std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(STDOUT_FILENO, text.data(), text.size());
    if (n > 0) {
      text.remove_prefix(static_cast<std::size_t>(n));
    } else if (n < 0 && errno == EPIPE) {
      // Whoever reads has seen enough (`davit files IMAGE | head`), which is no error to speak of.
      std::signal(SIGPIPE, SIG_DFL);
      std::raise(SIGPIPE);
    } else if (n < 0 && errno != EINTR) {
      throw oci::errno_error("standard output");
    }
  }
}

std::string read_input(const std::string& name, std::size_t limit) {
  if (name != "-") return oci::read_file(name, limit);
  std::string text;
  std::array<std::byte, 4096> buffer;
  while (const std::size_t n = oci::read_some(STDIN_FILENO, buffer, "standard input")) {
    text.append(oci::text_of(oci::Bytes(buffer).first(n)));
    if (text.size() > limit) {
      throw oci::Error(oci::ErrorKind::usage, "standard input holds more than makes sense");
    }
  }
  return text;
}

}  // namespace davit::app
