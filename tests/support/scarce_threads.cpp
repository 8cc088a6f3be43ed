#include "tests/support/scarce_threads.hpp"

#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <string>
#include <thread>

#include "oci/base/error.hpp"

namespace davit::tests {
namespace {

/// A user who has no other processes: the limit counts all those of a user, so tests that run at
/// the same time need users of their own. It does not count those of root.
uid_t nobody_else() { return static_cast<uid_t>(20'000 + ::getpid() % 40'000); }

[[noreturn]] void run(int threads, const std::function<void()>& action) {
  ::alarm(10);
  const bool is_root = ::geteuid() == 0;
  // A sanitizer may have a thread of its own, which it starts with the first of ours. That one is
  // still counted for a moment after it was joined.
  pid_t ours = 0;
  std::thread([&] { ours = ::gettid(); }).join();
  while (std::filesystem::exists("/proc/self/task/" + std::to_string(ours))) ::sched_yield();
  const auto there = std::distance(std::filesystem::directory_iterator("/proc/self/task"), {});
  const rlim_t count = is_root ? static_cast<rlim_t>(threads + there) : 0;
  const rlimit limit{count, count};
  const uid_t nobody = nobody_else();
  if (::setrlimit(RLIMIT_NPROC, &limit) != 0) ::_exit(2);
  if (is_root && ::setresuid(nobody, nobody, nobody) != 0) ::_exit(2);
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
