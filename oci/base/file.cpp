#include "oci/base/file.hpp"

#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

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

}  // namespace

Fd::~Fd() {
  if (fd_ >= 0) ::close(fd_);
}

Fd try_open(const std::filesystem::path& path, int flags, mode_t mode) {
  int fd = -1;
  do {
    fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  } while (fd < 0 && errno == EINTR);
  return Fd(fd);
}

Fd open_file(const std::filesystem::path& path, int flags, mode_t mode) {
  Fd fd = try_open(path, flags, mode);
  if (!fd) throw errno_error(printable(path.native()));
  return fd;
}

Fd duplicate(const Fd& fd) {
  Fd copy(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0));
  if (!copy) throw errno_error("a descriptor");
  return copy;
}

void make_directories(const std::filesystem::path& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) == 0) return;
  if (errno == ENOENT && path.has_parent_path() && path.parent_path() != path) {
    make_directories(path.parent_path(), mode);
    if (::mkdir(path.c_str(), mode) == 0) return;
  }
  const int failure = errno;
  std::error_code unknown;
  if (std::filesystem::is_directory(path, unknown)) return;
  errno = failure == EEXIST ? ENOTDIR : failure;
  throw errno_error(printable(path.native()));
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

}  // namespace davit::oci
