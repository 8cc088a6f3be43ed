#include "oci/base/process.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include "oci/base/error.hpp"
#include "oci/base/file.hpp"
#include "oci/base/ready.hpp"
#include "oci/base/tasks.hpp"

namespace davit::oci {
namespace {

using Clock = std::chrono::steady_clock;

struct PipeEnds {
  Fd read;
  Fd write;
};

PipeEnds make_pipe(const std::string& what) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw errno_error(what);
  return {Fd(ends[0]), Fd(ends[1])};
}

/// Whose group the child belongs to.
enum class Group { ours, own };

/// Whether this process is in the foreground of a terminal, where only the processes of its group
/// may read.
bool may_ask_at_terminal() {
  const Fd terminal = try_open("/dev/tty", O_RDONLY | O_NONBLOCK | O_NOCTTY);
  return terminal && ::tcgetpgrp(terminal.get()) == ::getpgrp();
}

/// Kills and reaps the child unless `wait_until` did so before.
class Child {
 public:
  Child(pid_t pid, Group group) : pid_(pid), group_(group) {}
  ~Child() {
    if (pid_ <= 0) return;
    ::kill(group_ == Group::own ? -pid_ : pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) continue;
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// Nothing if the child still runs then. Its output may have ended long before it does.
  std::optional<int> wait_until(const Call& call, Clock::time_point deadline,
                                const std::string& what) {
    auto pause = std::chrono::milliseconds(1);
    while (true) {
      int status = 0;
      const pid_t ended = ::waitpid(pid_, &status, WNOHANG);
      if (ended == pid_) {
        pid_ = -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      }
      if (ended < 0 && errno != EINTR) {
        pid_ = -1;  // There is nothing to reap.
        throw Error(ErrorKind::failed,
                    what + ": its exit status is lost, for this process ignores SIGCHLD");
      }
      if (Clock::now() >= deadline) return std::nullopt;
      sleep_for(call, pause);
      pause = std::min(2 * pause, std::chrono::milliseconds(20));
    }
  }

 private:
  pid_t pid_;
  const Group group_;
};

pid_t spawn(const std::vector<std::string>& arguments, Group group, int in, int out, int err) {
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, in, 0);
  ::posix_spawn_file_actions_adddup2(&actions, out, 1);
  ::posix_spawn_file_actions_adddup2(&actions, err, 2);
  // The child starts with default signals, whatever this program blocks for its own threads.
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  sigset_t defaults;
  sigemptyset(&defaults);
  for (const int number : {SIGPIPE, SIGCHLD}) sigaddset(&defaults, number);
  ::posix_spawnattr_setsigdefault(&attributes, &defaults);
  ::posix_spawnattr_setpgroup(&attributes, 0);
  const int own_group = group == Group::own ? POSIX_SPAWN_SETPGROUP : 0;
  ::posix_spawnattr_setflags(
      &attributes, static_cast<short>(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | own_group));
  pid_t pid = -1;
  const int code = ::posix_spawnp(&pid, argv[0], &actions, &attributes, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  if (code != 0) {
    errno = code;
    throw errno_error(printable(arguments[0]));
  }
  return pid;
}

/// Takes what is there; false at the end of the stream.
bool drain(const Fd& fd, std::string& into, std::uint64_t limit, const std::string& what) {
  std::array<std::byte, 4096> buffer;
  const std::size_t n = read_some(fd.get(), buffer, what);
  if (into.size() + n > limit) {
    throw Error(ErrorKind::failed, fmt::format("{} printed more than {} bytes", what, limit));
  }
  into += text_of(Bytes(buffer).first(n));
  return n > 0;
}

}  // namespace

ProcessResult run_process(const Call& call, const std::vector<std::string>& arguments,
                          const std::string& input, const ProcessLimits& limits) {
  const std::string what = printable(arguments.at(0));
  const auto too_slow = [&] {
    return Error(ErrorKind::failed,
                 fmt::format("{} took longer than {} ms", what, limits.time.count()));
  };
  PipeEnds in = make_pipe(what);
  PipeEnds out = make_pipe(what);
  PipeEnds err = make_pipe(what);
  const Group group = may_ask_at_terminal() ? Group::ours : Group::own;
  Child child(spawn(arguments, group, in.read.get(), out.write.get(), err.write.get()), group);
  in.read = Fd();
  out.write = Fd();
  err.write = Fd();
  ::fcntl(in.write.get(), F_SETFL, O_NONBLOCK);

  const auto deadline = Clock::now() + limits.time;
  std::string_view rest = input;
  if (rest.empty()) in.write = Fd();
  ProcessResult result;
  while (out.read || err.read) {
    std::array<pollfd, 3> watched = {pollfd{in.write.get(), POLLOUT, 0},
                                     pollfd{out.read.get(), POLLIN, 0},
                                     pollfd{err.read.get(), POLLIN, 0}};
    if (!wait_ready(watched, call.stop, deadline)) throw too_slow();
    if (watched[0].revents != 0) {
      // A program that does not read its input is not an error; SIGPIPE is ignored by main.
      const ssize_t n = ::write(in.write.get(), rest.data(), rest.size());
      if (n > 0) rest.remove_prefix(static_cast<std::size_t>(n));
      if (rest.empty() || (n < 0 && errno != EAGAIN && errno != EINTR)) in.write = Fd();
    }
    if (watched[1].revents != 0 && !drain(out.read, result.output, limits.output_bytes, what)) {
      out.read = Fd();
    }
    if (watched[2].revents != 0 && !drain(err.read, result.errors, limits.output_bytes, what)) {
      err.read = Fd();
    }
  }
  const std::optional<int> status = child.wait_until(call, deadline, what);
  if (!status) throw too_slow();
  result.status = *status;
  return result;
}

}  // namespace davit::oci
