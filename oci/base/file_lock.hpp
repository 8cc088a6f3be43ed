#pragma once

#include <filesystem>

#include "oci/base/call.hpp"
#include "oci/base/file.hpp"

namespace davit::oci {

/// An exclusive lock between processes, held as long as the object lives. The file is made if
/// missing and stays.
class FileLock {
 public:
  /// Waits for the lock. Throws Error(interrupted) as soon as the call is stopped.
  FileLock(const Call& call, const std::filesystem::path& path);

 private:
  Fd fd_;
};

}  // namespace davit::oci
