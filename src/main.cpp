#include <fmt/format.h>
#include <signal.h>
#include <sys/resource.h>

#include <exception>
#include <string>
#include <vector>

#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"
#include "src/cli/advice.hpp"
#include "src/cli/arguments.hpp"
#include "src/cli/commands.hpp"
#include "src/cli/ecr_command.hpp"
#include "src/cli/interrupts.hpp"
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

int report(ErrorKind kind, const std::string& message, const std::string& hint) {
  app::write_stderr(fmt::format("davit: {}\n", oci::printable(message)));
  if (!hint.empty()) app::write_stderr(fmt::format("hint: {}\n", hint));
  return exit_status(kind);
}

int run(const std::vector<std::string>& words) {
  const app::Interrupts interrupts;
  app::end_waits_with(interrupts.token());
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
  } catch (const std::exception&) {
    // What fails because everything was asked to stop is the stop, not the failure it looks like.
    if (!interrupts.token().stop_requested()) throw;
    return report(ErrorKind::interrupted, "interrupted", "");
  }
}

/// As many descriptors as this process may have: each job needs some, and the usual 1,024 are
/// meant for programs that use select(2).
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int main(int argc, char** argv) {
  app::open_missing_streams();
  signal(SIGPIPE, SIG_IGN);
  // Whoever starts this may ignore it; then the exit statuses of programs that are run are lost.
  signal(SIGCHLD, SIG_DFL);
  // Secrets of this process do not end up in core files.
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  raise_descriptor_limit();

  const std::vector<std::string> words(argv + 1, argv + argc);
  const std::string_view name = argc > 0 ? argv[0] : "";
  if (name.substr(name.rfind('/') + 1) == "docker-credential-davit") {
    return app::run_credential_helper(words.empty() ? "" : words[0]);
  }
  try {
    return run(words);
  } catch (const oci::Error& error) {
    return report(error.kind(), error.what(), app::hint_of(error));
  } catch (const std::bad_alloc&) {
    return report(ErrorKind::failed, "out of memory", "");
  } catch (const std::exception& error) {
    return report(ErrorKind::failed, oci::printable(error.what()), "");
  }
}
