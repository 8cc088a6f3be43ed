#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <exception>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"
#include "src/cli/advice.hpp"
#include "src/cli/arguments.hpp"
#include "src/cli/commands.hpp"
#include "src/cli/ecr_command.hpp"
#include "src/cli/session.hpp"
#include "src/cli/terminal.hpp"

namespace {

using namespace davit;
using oci::ErrorKind;

int exit_status(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::failed:
      return 1;
    case ErrorKind::usage:
      return 2;
    case ErrorKind::not_found:
      return 3;
    case ErrorKind::denied:
      return 4;
    case ErrorKind::unavailable:
      return 5;
    case ErrorKind::corrupt:
      return 6;
    case ErrorKind::refused:
      return 7;
    case ErrorKind::interrupted:
      return 130;
  }
  return 1;
}

/// The first SIGINT, SIGTERM or SIGHUP asks everything to stop; the second ends the program.
class Interrupts {
 public:
  Interrupts() {
    sigemptyset(&signals_);
    for (const int number : {SIGINT, SIGTERM, SIGUSR1}) sigaddset(&signals_, number);
    // Under nohup a hang-up is ignored, and stays so.
    struct sigaction hangup {};
    sigaction(SIGHUP, nullptr, &hangup);
    if (hangup.sa_handler != SIG_IGN) sigaddset(&signals_, SIGHUP);
    // Blocked here, before there are other threads, which inherit it.
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
    listener_ = std::thread([this] { listen(); });
  }

  ~Interrupts() {
    pthread_kill(listener_.native_handle(), SIGUSR1);
    listener_.join();
  }

  std::stop_token token() const { return stop_.get_token(); }

 private:
  void listen() {
    for (bool first = true;; first = false) {
      int number = 0;
      sigwait(&signals_, &number);
      if (number == SIGUSR1) return;
      if (!first) _exit(130);
      stop_.request_stop();
    }
  }

  sigset_t signals_{};
  std::stop_source stop_;
  std::thread listener_;
};

int report(ErrorKind kind, const std::string& message, const std::string& hint) {
  app::write_stderr(fmt::format("davit: {}\n", oci::printable(message)));
  if (!hint.empty()) app::write_stderr(fmt::format("hint: {}\n", hint));
  return exit_status(kind);
}

}  // namespace

int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);
  // Secrets of this process do not end up in core files.
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);

  const std::vector<std::string> words(argv + 1, argv + argc);
  const std::string_view name = argc > 0 ? argv[0] : "";
  if (name.substr(name.rfind('/') + 1) == "docker-credential-davit") {
    return app::run_credential_helper(words.empty() ? "" : words[0]);
  }
  const Interrupts interrupts;
  try {
    const app::Parsed parsed = app::parse_arguments(words, app::declare_commands);
    if (!parsed.text.empty()) {
      app::write_stdout(parsed.text);
      return 0;
    }
    app::Session session(parsed.settings, interrupts.token());
    parsed.action(session);
    session.output().finish();
    return 0;
  } catch (const oci::Error& error) {
    // What fails because everything was asked to stop is the stop, not the failure it looks like.
    if (interrupts.token().stop_requested()) {
      return report(ErrorKind::interrupted, "interrupted", "");
    }
    return report(error.kind(), error.what(), app::hint_of(error));
  } catch (const std::bad_alloc&) {
    return report(ErrorKind::failed, "out of memory", "");
  } catch (const std::exception& error) {
    return report(ErrorKind::failed, oci::printable(error.what()), "");
  }
}
