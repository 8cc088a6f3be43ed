#pragma once

#include <filesystem>
#include <string_view>

namespace davit::tests {

/// A new empty directory, removed with everything in it at the end.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

/// Makes or replaces a file, with the directories above it.
void write_file(const std::filesystem::path& path, std::string_view text);

}  // namespace davit::tests
