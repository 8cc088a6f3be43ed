#include "oci/base/atomic_file.hpp"

#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/random.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <limits>
#include <utility>

#include "oci/base/error.hpp"
#include "oci/base/ready.hpp"
#include "oci/base/tasks.hpp"
#include "oci/base/text.hpp"

namespace davit::oci {
namespace {

namespace fs = std::filesystem;

/// As many as Linux follows (path_resolution(7)).
constexpr int link_limit = 40;

fs::path parent_of(const fs::path& path) {
  const fs::path parent = path.parent_path();
  return parent.empty() ? "." : parent;
}

fs::path unused_name(const fs::path& directory) {
  std::uint64_t random = 0;
  if (::getrandom(&random, sizeof random, 0) < 0) throw errno_error("getrandom");
  return directory / fmt::format(".davit-{:016x}", random);
}

/// Links of /proc lead to what is open, whatever their text says.
bool is_in_proc(const fs::path& path) {
  struct statfs status {};
  return ::statfs(parent_of(path).c_str(), &status) == 0 && status.f_type == PROC_SUPER_MAGIC;
}

/// The descriptor of this process that a path in /proc names.
std::optional<int> own_descriptor(const fs::path& path) {
  std::error_code unknown;
  const std::string directory = fs::canonical(parent_of(path), unknown).native();
  const std::string self = fs::canonical("/proc/self", unknown).native();
  if (unknown || !directory.starts_with(self + "/") || !directory.ends_with("/fd")) return {};
  const std::string name = path.filename().native();
  const auto fd = parse_number(name, std::numeric_limits<int>::max());
  if (!fd) return {};
  return static_cast<int>(*fd);
}

/// Opens what is no regular file. A fifo has no writer before it has a reader, which is waited for.
Fd open_through(const fs::path& path, std::string_view what, const std::stop_token& stop) {
  if (const auto own = own_descriptor(path)) {
    // A second descriptor of the same open file, so that what is written comes behind what others
    // write there, as into a log that a shell has opened for all of a script.
    Fd fd(::fcntl(*own, F_DUPFD_CLOEXEC, 3));
    if (!fd) throw errno_error(what);
    return fd;
  }
  while (true) {
    Fd fd = try_open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY);
    if (fd) return fd;
    const int failure = errno;
    if (failure != ENXIO || !fs::is_fifo(path)) {
      errno = failure;
      throw errno_error(what);
    }
    sleep_for({.stop = stop}, std::chrono::milliseconds(10));
  }
}

}  // namespace

fs::path follow_links(fs::path path) {
  for (int links = 0;; ++links) {
    std::error_code unknown;  // What is wrong with it shows when it is opened.
    const fs::path target = fs::read_symlink(path, unknown);
    if (unknown || is_in_proc(path)) return path;
    if (links == link_limit) {
      errno = ELOOP;
      throw errno_error(printable(path.native()));
    }
    // The kernel resolves what comes before, ".." behind a link among it.
    path = path.parent_path() / target;
  }
}

AtomicFile::AtomicFile(const fs::path& path, mode_t mode, std::stop_token stop)
    : path_(follow_links(path)), what_(printable(path.native())), stop_(std::move(stop)) {
  struct stat status {};
  const bool exists = ::stat(path_.c_str(), &status) == 0;
  if (exists && S_ISDIR(status.st_mode)) {
    errno = EISDIR;
    throw errno_error(what_);
  }
  if (exists && (!S_ISREG(status.st_mode) || fs::is_symlink(path_))) {
    fd_ = open_through(path_, what_, stop_);
    written_through_ = true;
    return;
  }
  make_in(parent_of(path_), mode);
}

AtomicFile AtomicFile::in(const fs::path& directory, mode_t mode) {
  return AtomicFile(directory, Mode{mode});
}

AtomicFile::AtomicFile(const fs::path& directory, Mode mode)
    : what_(printable(directory.native())) {
  make_in(directory, mode.bits);
}

void AtomicFile::make_in(const fs::path& directory, mode_t mode) {
  // Without a name it is gone with this process, however that ends. It gets one through /proc.
  if (::access("/proc/self/fd", X_OK) == 0) {
    fd_ = try_open(directory, O_RDWR | O_TMPFILE, mode);
    if (fd_) return;
    const bool unknown = errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL;
    if (!unknown) throw errno_error(what_);
  }
  // Not mkstemp: it makes the file 0600, and to widen that by the umask is to set the umask for
  // a moment, in which other threads make files that everyone can write.
  while (!fd_) {
    temporary_ = unused_name(directory);
    fd_ = try_open(temporary_, O_RDWR | O_CREAT | O_EXCL, mode);
    if (!fd_ && errno != EEXIST) throw errno_error(what_);
  }
}

AtomicFile::~AtomicFile() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::write(Bytes bytes) {
  if (written_through_) return write_when_ready(fd_.get(), bytes, what_, stop_);
  write_all(fd_.get(), bytes, what_);
}

/// Gives a file without a name its name, or where that is taken a temporary one to rename.
void AtomicFile::link(const fs::path& path) {
  const std::string self = fmt::format("/proc/self/fd/{}", fd_.get());
  const auto link_to = [&](const fs::path& name) {
    return ::linkat(AT_FDCWD, self.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) == 0;
  };
  if (link_to(path)) return;
  while (errno == EEXIST) {
    fs::path name = unused_name(path.parent_path());
    if (link_to(name)) {
      temporary_ = std::move(name);
      return;
    }
  }
  throw errno_error(printable(path.native()));
}

void AtomicFile::commit() {
  if (!written_through_) return commit_as(path_);
  // Pipes and terminals keep nothing, so there is nothing to make durable.
  if (::fdatasync(fd_.get()) != 0 && errno != EINVAL && errno != EROFS) throw errno_error(what_);
}

void AtomicFile::commit_as(const fs::path& path) {
  const std::string name = printable(path.native());
  if (::fdatasync(fd_.get()) != 0) throw errno_error(name);
  if (temporary_.empty()) link(path);
  if (!temporary_.empty()) {
    if (::rename(temporary_.c_str(), path.c_str()) != 0) throw errno_error(name);
    temporary_.clear();
  }
  // The name is as durable as the content only once its directory is.
  const Fd directory = open_file(parent_of(path), O_RDONLY | O_DIRECTORY);
  if (::fsync(directory.get()) != 0 && errno != EINVAL) throw errno_error(name);
}

}  // namespace davit::oci
