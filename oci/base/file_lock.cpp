#include "oci/base/file_lock.hpp"

#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "oci/base/error.hpp"
#include "oci/base/tasks.hpp"

namespace davit::oci {

using namespace std::chrono_literals;

FileLock::FileLock(const Call& call, const std::filesystem::path& path)
    : fd_(open_file(path, O_RDWR | O_CREAT)) {
  // flock(2) can wait by itself, but nothing else than a signal would end that wait.
  auto pause = 1ms;
  while (::flock(fd_.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) throw errno_error(printable(path.native()));
    sleep_for(call, pause);
    pause = std::min(2 * pause, 50ms);
  }
}

}  // namespace davit::oci
