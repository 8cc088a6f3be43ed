#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include "oci/base/stream.hpp"

namespace davit::oci {

/// An open file descriptor, closed with its owner.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd();

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

/// open(2) with O_CLOEXEC. Throws an Error that names the path.
Fd open_file(const std::filesystem::path& path, int flags, mode_t mode = 0666);

/// How a path is kept beneath a directory.
enum class OpenBeneath {
  best,   ///< openat2 with RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS (Linux 5.6), else by names
  names,  ///< one directory after the other, for kernels and sandboxes without openat2
};

/// The same beneath an open directory, resolved by the kernel: neither ".." that leads out, nor an
/// absolute path, nor a symbolic link anywhere in it is followed. Nothing if there is no such file.
std::optional<Fd> open_beneath(int directory, const std::string& path, int flags,
                               std::string_view what, OpenBeneath how = OpenBeneath::best);

/// Up to `into.size()` bytes; 0 at the end. `what` is named in errors.
std::size_t read_some(int fd, std::span<std::byte> into, std::string_view what);
void write_all(int fd, Bytes bytes, std::string_view what);
void write_all_at(int fd, Bytes bytes, std::uint64_t offset, std::string_view what);

/// The whole file. Throws Error(corrupt) beyond `limit` bytes, Error(not_found) if it is missing.
std::string read_file(const std::filesystem::path& path, std::uint64_t limit);

/// Sends `size` bytes of a file from `offset` on into a sink; a file that ends before is
/// Error(corrupt).
void send_file(int fd, std::uint64_t offset, std::uint64_t size, Sink& sink, std::string_view what);

/// A file that appears under its name whole or not at all: bytes go to a file in the same directory
/// that has no name (O_TMPFILE), or where the file system knows no such thing a temporary one;
/// `commit` makes them durable and names them. Without it nothing remains.
class AtomicFile final : public Sink {
 public:
  explicit AtomicFile(std::filesystem::path path, mode_t mode = 0644);
  ~AtomicFile() override;
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(Bytes bytes) override;
  int fd() const { return fd_.get(); }
  void commit() { commit_as(path_); }
  /// For content whose name is known only at its end. The path is in the same file system.
  void commit_as(const std::filesystem::path& path);

 private:
  void link(const std::filesystem::path& path);

  std::filesystem::path path_;
  std::filesystem::path temporary_;  // empty while it has no name
  Fd fd_;
};

/// An exclusive lock between processes, held as long as the object lives; waits for it. The file
/// is made if missing and stays.
class FileLock {
 public:
  explicit FileLock(const std::filesystem::path& path);

 private:
  Fd fd_;
};

}  // namespace davit::oci
