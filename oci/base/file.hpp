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

/// What is written for everyone to read has this mode, less the umask: under no umask can anyone
/// else write it, for what is there has been verified and is trusted later. Directories have
/// `shared_directory_mode`. What holds secrets is 0600, in directories of 0700.
inline constexpr mode_t shared_mode = 0644;
inline constexpr mode_t shared_directory_mode = 0755;

/// open(2) with O_CLOEXEC, and again where a signal came between. No Fd, and errno, where it fails.
Fd try_open(const std::filesystem::path& path, int flags, mode_t mode = shared_mode);
/// The same. Throws an Error that names the path.
Fd open_file(const std::filesystem::path& path, int flags, mode_t mode = shared_mode);
/// A second descriptor of the same open file, closed on exec as all of ours are.
Fd duplicate(const Fd& fd);
/// Makes a directory and those above it, where they are missing.
void make_directories(const std::filesystem::path& path, mode_t mode = shared_directory_mode);

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

}  // namespace davit::oci
