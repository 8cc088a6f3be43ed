#pragma once

#include <filesystem>
#include <stop_token>

#include "oci/base/file.hpp"

namespace davit::oci {

/// Where a file of this name lies: symbolic links are followed as open(2) follows them, also to a
/// file that is not there yet. A link to a file that is open (/dev/stdout, /proc/self/fd/1) has no
/// other name and is given back itself.
std::filesystem::path follow_links(std::filesystem::path path);

/// A file that appears under its name whole or not at all: bytes go to a file in the same directory
/// that has no name (O_TMPFILE), or where the file system knows no such thing a temporary one;
/// `commit` makes them durable and names them. Without it nothing remains.
///
/// Where the name is a symbolic link, the link stays and the file that it leads to is replaced.
/// What is there and is no regular file (a device, a fifo, a file that is open already) is never
/// replaced: bytes are written through to it at once. A directory is Error(failed).
class AtomicFile final : public Sink {
 public:
  /// The stop ends waits for the other side of a fifo.
  explicit AtomicFile(const std::filesystem::path& path, mode_t mode = shared_mode,
                      std::stop_token stop = {});
  /// For a file that gets its name with commit_as.
  static AtomicFile in(const std::filesystem::path& directory, mode_t mode = shared_mode);
  ~AtomicFile() override;
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(Bytes bytes) override;
  int fd() const { return fd_.get(); }
  void commit();
  /// Replaces whatever has that name, also a symbolic link. The path is in the same file system.
  void commit_as(const std::filesystem::path& path);

 private:
  struct Mode {
    mode_t bits;
  };

  AtomicFile(const std::filesystem::path& directory, Mode mode);
  void make_in(const std::filesystem::path& directory, mode_t mode);
  void link(const std::filesystem::path& path);

  std::filesystem::path path_;  // empty until commit_as
  std::string what_;            // for errors
  std::stop_token stop_;
  bool written_through_ = false;
  std::filesystem::path temporary_;  // its name until it is committed, if it needs one
  Fd fd_;
};

}  // namespace davit::oci
