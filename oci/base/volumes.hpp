#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "oci/base/file.hpp"

namespace davit::oci {

/// Bytes that lie in one file, or in several of equal size which go on where the one before ends,
/// the last one shorter: NAME.001, NAME.002 ... One behind the other they are what one file would
/// be. Only some are open at a time, so that their number asks for no descriptors. Members may be
/// called from several threads.
class Volumes {
 public:
  /// A file that is open.
  explicit Volumes(Fd file);
  /// Opened for reading: NAME, or where there is no such file its volumes, also if the first of
  /// them is what is named. Error(not_found) if there is neither, or if one of those in between is
  /// missing.
  static std::unique_ptr<Volumes> open(const std::filesystem::path& name);
  /// For reading and writing. Files are made as they are reached; what they hold already stays.
  static std::unique_ptr<Volumes> write(std::filesystem::path name,
                                        std::optional<std::uint64_t> volume_size);

  /// The name of the last of several volumes that were found; empty for one file.
  const std::string& last_volume() const { return last_volume_; }

  /// Of all together. What is no regular file is Error(failed).
  std::uint64_t size(std::string_view what) const;
  /// As send_file.
  void send(std::uint64_t offset, std::uint64_t size, Sink& sink, std::string_view what) const;
  void write_at(std::uint64_t offset, Bytes bytes, std::string_view what);

  /// Cuts it off at a size and makes it durable; nothing is written after that.
  void seal(std::uint64_t size);
  /// Gives what is sealed another name in the same file system. Of volumes that takes the place of
  /// all that there are of that name, and the first comes last.
  void rename(const std::filesystem::path& name);
  /// Removes its files.
  void remove();

 private:
  explicit Volumes(std::uint64_t volume_size) : volume_size_(volume_size) {}
  std::shared_ptr<const Fd> open_volume(std::size_t number) const;
  std::filesystem::path path(const std::filesystem::path& name, std::size_t number) const;
  template <class Action>
  void each_piece(std::uint64_t offset, std::uint64_t size, const Action& action) const;

  struct Open {
    std::size_t number;
    std::shared_ptr<const Fd> file;
  };

  std::filesystem::path name_;  // empty for a file that was given open
  std::uint64_t volume_size_;   // unlimited for one file
  int flags_ = 0;               // to open a volume with
  std::string last_volume_;
  std::optional<std::uint64_t> size_;  // of several volumes that were found
  mutable std::mutex mutex_;
  mutable std::size_t count_ = 0;  // of volumes that are there
  mutable std::deque<Open> open_;  // the last ones that were used; the others are opened again
};

}  // namespace davit::oci
