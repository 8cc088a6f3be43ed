#include "oci/base/ready.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <functional>
#include <vector>

#include "oci/base/error.hpp"
#include "oci/base/file.hpp"
#include "oci/base/tasks.hpp"

namespace davit::oci {
namespace {

using Clock = std::chrono::steady_clock;

/// A descriptor that is readable once a stop is asked for.
class StopEvent {
 public:
  explicit StopEvent(const std::stop_token& stop)
      : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), raise_(stop, [this] { raise(); }) {
    if (!fd_) throw errno_error("eventfd");
  }
  int fd() const { return fd_.get(); }

 private:
  void raise() const {
    const std::uint64_t one = 1;
    // It can only fail where it has been raised before.
    [[maybe_unused]] const ssize_t written = ::write(fd_.get(), &one, sizeof one);
  }

  const Fd fd_;
  const std::stop_callback<std::function<void()>> raise_;
};

/// For poll(2): rounded up, so that a wait for less than a millisecond does not turn in circles.
int milliseconds_until(const std::optional<Clock::time_point>& deadline) {
  if (!deadline) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - Clock::now()).count();
  return static_cast<int>(std::clamp<std::chrono::milliseconds::rep>(left, 0, INT_MAX));
}

bool is_ready(int fd, short events) {
  pollfd watched{fd, events, 0};
  return ::poll(&watched, 1, 0) != 0;
}

}  // namespace

bool wait_ready(std::span<pollfd> watched, const std::stop_token& stop,
                std::optional<Clock::time_point> deadline) {
  check_stop(stop);
  std::optional<StopEvent> event;
  std::vector<pollfd> all(watched.begin(), watched.end());
  if (stop.stop_possible()) {
    event.emplace(stop);
    all.push_back({event->fd(), POLLIN, 0});
  }
  while (true) {
    const int count = ::poll(all.data(), all.size(), milliseconds_until(deadline));
    if (count < 0 && errno != EINTR) throw errno_error("poll");
    check_stop(stop);
    std::copy_n(all.begin(), watched.size(), watched.begin());
    if (count > 0) return true;
    if (deadline && Clock::now() >= *deadline) return false;
  }
}

std::size_t write_some_when_ready(int fd, Bytes bytes, const std::stop_token& stop) {
  struct stat status {};
  const bool is_file = ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
  const int flags = ::fcntl(fd, F_GETFL);
  const bool waits = !is_file && flags >= 0 && (flags & O_NONBLOCK) == 0;
  // Where poll(2) says that a pipe has room, a write of so much does not wait (pipe(7)). The
  // descriptor's own mode is not changed: other processes share it.
  if (waits) bytes = bytes.first(std::min<std::size_t>(bytes.size(), PIPE_BUF));
  while (true) {
    if (!is_file && !is_ready(fd, POLLOUT)) {
      pollfd watched{fd, POLLOUT, 0};
      wait_ready(std::span(&watched, 1), stop);
    }
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n > 0) return static_cast<std::size_t>(n);
    if (n < 0 && errno != EINTR && errno != EAGAIN) return 0;
  }
}

void write_when_ready(int fd, Bytes bytes, std::string_view what, const std::stop_token& stop) {
  while (!bytes.empty()) {
    const std::size_t n = write_some_when_ready(fd, bytes, stop);
    if (n == 0) throw errno_error(what);
    bytes = bytes.subspan(n);
  }
}

std::size_t read_when_ready(int fd, std::span<std::byte> into, std::string_view what,
                            const std::stop_token& stop) {
  while (true) {
    pollfd watched{fd, POLLIN, 0};
    wait_ready(std::span(&watched, 1), stop);
    const ssize_t n = ::read(fd, into.data(), into.size());
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno != EINTR && errno != EAGAIN) throw errno_error(what);
  }
}

}  // namespace davit::oci
