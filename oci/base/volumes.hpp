#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/base/file.hpp"

namespace davit::oci {

/// Bytes that lie in one file, or in several of equal size which go on where the one before ends,
/// the last one shorter: NAME.001, NAME.002 ... One behind the other they are what one file would
/// be. Members may be called from several threads.
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

  /// Cuts it off at a size, makes it durable, and gives it another name in the same file system.
  /// Of volumes that takes the place of all that there are of that name, and the first comes last.
  void commit(const std::filesystem::path& name, std::uint64_t size);
  /// Removes its files.
  void remove();

 private:
  explicit Volumes(std::uint64_t volume_size) : volume_size_(volume_size) {}
  int fd(std::size_t number) const;
  std::filesystem::path path(const std::filesystem::path& name, std::size_t number) const;
  template <class Action>
  void each_piece(std::uint64_t offset, std::uint64_t size, const Action& action) const;

  std::filesystem::path name_;  // of what is written
  std::uint64_t volume_size_;   // unlimited for one file
  std::string last_volume_;
  mutable std::mutex mutex_;
  mutable std::vector<Fd> files_;
};

}  // namespace davit::oci
