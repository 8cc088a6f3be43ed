#pragma once

#include <filesystem>
#include <stop_token>

#include "oci/base/file.hpp"

namespace davit::oci {

/// An exclusive lock between processes, held as long as the object lives. The file is made if
/// missing and stays.
class FileLock {
 public:
  /// Waits for the lock. Throws Error(interrupted) as soon as a stop is asked for.
  explicit FileLock(const std::filesystem::path& path, const std::stop_token& stop = {});

 private:
  Fd fd_;
};

}  // namespace davit::oci
