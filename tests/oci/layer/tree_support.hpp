#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "oci/base/error.hpp"
#include "oci/layer/tree.hpp"

namespace davit::tests {

/// The tar of a tree.
std::string tar_of_tree(const std::filesystem::path& path, oci::TreeOptions options = {});

/// The same, with `meanwhile` called when the first block is full.
std::string tar_of_tree(const std::filesystem::path& path, oci::TreeOptions options,
                        const std::function<void()>& meanwhile);

/// What an action throws; fails the test by an exception if it throws nothing.
oci::Error error_of(const std::function<void()>& action);

/// Sets the times of a file, or of a link itself.
void set_mtime(const std::filesystem::path& path, std::int64_t seconds, long nanoseconds = 0);

/// A file of so many bytes that are not all the same.
void write_large_file(const std::filesystem::path& path, std::size_t size);

bool is_root();

/// The life of this object is without root's privileges over files, if there were any.
class WithoutRoot {
 public:
  WithoutRoot();
  ~WithoutRoot();
  WithoutRoot(const WithoutRoot&) = delete;
  WithoutRoot& operator=(const WithoutRoot&) = delete;
};

}  // namespace davit::tests
