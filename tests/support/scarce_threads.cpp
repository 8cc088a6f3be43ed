#include "tests/support/scarce_threads.hpp"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <thread>

#include "oci/base/error.hpp"

namespace davit::tests {
namespace {

/// A user who has no other processes. The limit counts those of a user, and not those of root.
constexpr uid_t nobody_else = 61'234;

[[noreturn]] void run(int threads, const std::function<void()>& action) {
  ::alarm(10);
  const bool is_root = ::geteuid() == 0;
  // A sanitizer may have a thread of its own, which it starts with the first of ours.
  std::thread([] {}).join();
  const auto there = std::distance(std::filesystem::directory_iterator("/proc/self/task"), {});
  const rlim_t count = is_root ? static_cast<rlim_t>(threads + there) : 0;
  const rlimit limit{count, count};
  if (::setrlimit(RLIMIT_NPROC, &limit) != 0) ::_exit(2);
  if (is_root && ::setresuid(nobody_else, nobody_else, nobody_else) != 0) ::_exit(2);
  try {
    action();
  } catch (const oci::Error&) {
    ::_exit(1);
  } catch (...) {
    ::_exit(2);
  }
  ::_exit(0);
}

}  // namespace

Ended with_threads(int threads, const std::function<void()>& action) {
  const pid_t child = ::fork();
  if (child == 0) run(threads, action);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) {
    return WTERMSIG(status) == SIGALRM ? Ended::never : Ended::with_something_else;
  }
  switch (WEXITSTATUS(status)) {
    case 0:
      return Ended::well;
    case 1:
      return Ended::with_error;
    default:
      return Ended::with_something_else;
  }
}

}  // namespace davit::tests
