#include "src/cli/terminal.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <utility>

#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"
#include "oci/base/file.hpp"
#include "oci/base/ready.hpp"

namespace davit::app {
namespace {

/// Of this process, as the streams are.
std::stop_token& stop() {
  static std::stop_token token;
  return token;
}

/// The terminal as it was, while it is otherwise.
struct Shown {
  std::mutex mutex;
  std::optional<termios> before;
};
Shown shown;

void set_terminal(const termios& state) {
  // A process in the background, as one is that was stopped and is ended now, would be stopped
  // again for changing the terminal.
  sigset_t set;
  sigset_t old;
  sigemptyset(&set);
  sigaddset(&set, SIGTTOU);
  ::pthread_sigmask(SIG_BLOCK, &set, &old);
  ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &state);
  ::pthread_sigmask(SIG_SETMASK, &old, nullptr);
}

}  // namespace

void open_missing_streams() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(fd, F_GETFD) >= 0) continue;
    // The lowest number that is free is this one.
    if (::open("/dev/null", fd == STDIN_FILENO ? O_RDONLY : O_RDWR) != fd) ::_exit(1);
  }
}

void end_waits_with(std::stop_token token) { stop() = std::move(token); }

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
  try {
    oci::write_when_ready(STDERR_FILENO, oci::bytes_of(text), "standard error", stop());
  } catch (const oci::Error&) {
    // Nobody can be told that stderr cannot be written.
  }
}

void write_stdout(std::string_view text) {
  while (!text.empty()) {
    const std::size_t n = oci::write_some_when_ready(STDOUT_FILENO, oci::bytes_of(text), stop());
    if (n == 0 && errno == EPIPE) {
      // Whoever reads has seen enough (`davit files IMAGE | head`), which is no error to speak of.
      std::signal(SIGPIPE, SIG_DFL);
      std::raise(SIGPIPE);
    }
    if (n == 0) throw oci::errno_error("standard output");
    text.remove_prefix(n);
  }
}

HiddenInput::HiddenInput() {
  termios before{};
  if (::tcgetattr(STDIN_FILENO, &before) != 0) {
    throw oci::Error(oci::ErrorKind::usage, "there is no terminal to ask for a password",
                     "give it on standard input with --password-stdin");
  }
  {
    const std::lock_guard lock(shown.mutex);
    shown.before = before;
  }
  hide_input();
}

HiddenInput::~HiddenInput() {
  show_input();
  write_stderr("\n");  // The end of the line that was typed is not shown, either.
  const std::lock_guard lock(shown.mutex);
  shown.before.reset();
}

void show_input() {
  const std::lock_guard lock(shown.mutex);
  if (shown.before) set_terminal(*shown.before);
}

void hide_input() {
  const std::lock_guard lock(shown.mutex);
  if (!shown.before) return;
  termios silent = *shown.before;
  silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  set_terminal(silent);
}

std::string read_line() {
  std::string line;
  std::byte c{};
  while (oci::read_when_ready(STDIN_FILENO, std::span(&c, 1), "standard input", stop()) == 1) {
    if (c == std::byte{'\n'}) break;
    if (line.size() > 64 * oci::KiB) {
      throw oci::Error(oci::ErrorKind::usage, "the password is too long");
    }
    line += static_cast<char>(c);
  }
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

std::string read_input(const std::string& name, std::size_t limit) {
  if (name != "-") return oci::read_file(name, limit);
  std::string text;
  std::array<std::byte, 4096> buffer;
  while (const std::size_t n =
             oci::read_when_ready(STDIN_FILENO, buffer, "standard input", stop())) {
    text.append(oci::text_of(oci::Bytes(buffer).first(n)));
    if (text.size() > limit) {
      throw oci::Error(oci::ErrorKind::usage, "standard input holds more than makes sense");
    }
  }
  return text;
}

}  // namespace davit::app
