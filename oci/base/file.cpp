#include "oci/base/file.hpp"

#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <vector>

#include "oci/base/error.hpp"

namespace davit::oci {
namespace {

// Both give no Fd and errno where there is none.

Fd open_by_openat2(int directory, const std::string& path, int flags) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  long fd = -1;
  do {
    fd = ::syscall(SYS_openat2, directory, path.c_str(), &how, sizeof how);
  } while (fd < 0 && (errno == EINTR || errno == EAGAIN));
  return Fd(static_cast<int>(fd));
}

Fd open_by_names(int directory, const std::string& path, int flags) {
  Fd above;
  for (std::size_t at = 0;;) {
    const std::size_t slash = path.find('/', at);
    const std::string name = path.substr(at, slash - at);
    const bool last = slash == std::string::npos;
    if (name == ".." || path.starts_with('/')) {
      errno = EXDEV;
      return {};
    }
    const int from = above ? above.get() : directory;
    const int how = last ? flags : O_PATH | O_DIRECTORY;
    Fd next(::openat(from, name.empty() && !path.empty() ? "." : name.c_str(),
                     how | O_NOFOLLOW | O_CLOEXEC));
    if (!next && errno == ENOTDIR) {
      // Of a symbolic link, too, the kernel says that it is no directory.
      struct stat status {};
      const bool found = ::fstatat(from, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
      errno = found && S_ISLNK(status.st_mode) ? ELOOP : ENOTDIR;
    }
    if (!next || last) return next;
    above = std::move(next);
    at = slash + 1;
  }
}

std::filesystem::path unused_name(const std::filesystem::path& directory) {
  std::uint64_t random = 0;
  if (::getrandom(&random, sizeof random, 0) < 0) throw errno_error("getrandom");
  return directory / fmt::format(".davit-{:016x}", random);
}

}  // namespace

Fd::~Fd() {
  if (fd_ >= 0) ::close(fd_);
}

Fd open_file(const std::filesystem::path& path, int flags, mode_t mode) {
  int fd = -1;
  do {
    fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) throw errno_error(printable(path.native()));
  return Fd(fd);
}

std::optional<Fd> open_beneath(int directory, const std::string& path, int flags,
                               std::string_view what, OpenBeneath how) {
  if (path.find('\0') != std::string::npos) {
    throw Error(ErrorKind::corrupt, fmt::format("{}: {} has a NUL byte", what, printable(path)));
  }
  const bool by_names = how == OpenBeneath::names;
  Fd fd =
      by_names ? open_by_names(directory, path, flags) : open_by_openat2(directory, path, flags);
  // Older sandboxes answer EPERM to what they do not know.
  if (!fd && !by_names && (errno == ENOSYS || errno == EPERM)) {
    fd = open_by_names(directory, path, flags);
  }
  if (fd) return fd;
  if (errno == ENOENT) return std::nullopt;
  if (errno == ELOOP || errno == EXDEV) {
    throw Error(ErrorKind::corrupt,
                fmt::format("{}: {} leads through a symbolic link or out of its directory", what,
                            printable(path)));
  }
  throw errno_error(fmt::format("{}: {}", what, printable(path)));
}

std::size_t read_some(int fd, std::span<std::byte> into, std::string_view what) {
  while (true) {
    const ssize_t n = ::read(fd, into.data(), into.size());
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno != EINTR) throw errno_error(what);
  }
}

void write_all(int fd, Bytes bytes, std::string_view what) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n >= 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(n));
    } else if (errno != EINTR) {
      throw errno_error(what);
    }
  }
}

void write_all_at(int fd, Bytes bytes, std::uint64_t offset, std::string_view what) {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n >= 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(n));
      offset += static_cast<std::uint64_t>(n);
    } else if (errno != EINTR) {
      throw errno_error(what);
    }
  }
}

std::string read_file(const std::filesystem::path& path, std::uint64_t limit) {
  const std::string name = printable(path.native());
  const Fd file = open_file(path, O_RDONLY);
  StringSink text(limit, name);
  std::vector<std::byte> buffer(64 * KiB);
  while (const std::size_t n = read_some(file.get(), buffer, name)) {
    text.write(Bytes(buffer).first(n));
  }
  return std::move(text.text());
}

void send_file(int fd, std::uint64_t offset, std::uint64_t size, Sink& sink,
               std::string_view what) {
  std::vector<std::byte> buffer(std::min<std::uint64_t>(size, 1 * MiB));
  while (size > 0) {
    const std::size_t want = std::min<std::uint64_t>(size, buffer.size());
    const ssize_t n = ::pread(fd, buffer.data(), want, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw errno_error(what);
    if (n == 0) {
      throw Error(ErrorKind::corrupt, fmt::format("{}: ends {} bytes too early", what, size));
    }
    sink.write(Bytes(buffer).first(static_cast<std::size_t>(n)));
    offset += static_cast<std::uint64_t>(n);
    size -= static_cast<std::uint64_t>(n);
  }
}

AtomicFile::AtomicFile(std::filesystem::path path, mode_t mode) : path_(std::move(path)) {
  const std::filesystem::path parent = path_.parent_path();
  const char* directory = parent.empty() ? "." : parent.c_str();
  // Without a name it is gone with this process, however that ends. It gets one through /proc.
  if (::access("/proc/self/fd", X_OK) == 0) {
    fd_ = Fd(::open(directory, O_RDWR | O_TMPFILE | O_CLOEXEC, mode));
    if (fd_) return;
    const bool unknown = errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL;
    if (!unknown) throw errno_error(printable(path_.native()));
  }
  // Not mkstemp: it makes the file 0600, and to widen that by the umask is to set the umask for
  // a moment, in which other threads make files that everyone can write.
  while (!fd_) {
    temporary_ = unused_name(parent);
    fd_ = Fd(::open(temporary_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode));
    if (!fd_ && errno != EEXIST && errno != EINTR) throw errno_error(printable(path_.native()));
  }
}

AtomicFile::~AtomicFile() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::write(Bytes bytes) { write_all(fd_.get(), bytes, printable(path_.native())); }

/// Gives a file without a name its name, or where that is taken a temporary one to rename.
void AtomicFile::link(const std::filesystem::path& path) {
  const std::string self = fmt::format("/proc/self/fd/{}", fd_.get());
  const auto link_to = [&](const std::filesystem::path& name) {
    return ::linkat(AT_FDCWD, self.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) == 0;
  };
  if (link_to(path)) return;
  while (errno == EEXIST) {
    std::filesystem::path name = unused_name(path.parent_path());
    if (link_to(name)) {
      temporary_ = std::move(name);
      return;
    }
  }
  throw errno_error(printable(path.native()));
}

void AtomicFile::commit_as(const std::filesystem::path& path) {
  const std::string name = printable(path.native());
  if (::fdatasync(fd_.get()) != 0) throw errno_error(name);
  if (temporary_.empty()) link(path);
  if (!temporary_.empty()) {
    if (::rename(temporary_.c_str(), path.c_str()) != 0) throw errno_error(name);
    temporary_.clear();
  }
  // The name is as durable as the content only once its directory is.
  const auto parent = path.parent_path();
  const Fd directory = open_file(parent.empty() ? "." : parent, O_RDONLY | O_DIRECTORY);
  if (::fsync(directory.get()) != 0 && errno != EINVAL) throw errno_error(name);
}

FileLock::FileLock(const std::filesystem::path& path)
    : fd_(open_file(path, O_RDWR | O_CREAT, 0644)) {
  while (::flock(fd_.get(), LOCK_EX) != 0) {
    if (errno != EINTR) throw errno_error(printable(path.native()));
  }
}

}  // namespace davit::oci
