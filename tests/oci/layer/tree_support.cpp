#include "tests/oci/layer/tree_support.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <stdexcept>
#include <utility>

#include "tests/oci/layer/tar_support.hpp"
#include "tests/support/temp_dir.hpp"

namespace davit::tests {
namespace {

constexpr uid_t nobody = 65534;

}  // namespace

std::string tar_of_tree(const std::filesystem::path& path, oci::TreeOptions options) {
  return tar_of(oci::tree_source(path, std::move(options)));
}

std::string tar_of_tree(const std::filesystem::path& path, oci::TreeOptions options,
                        const std::function<void()>& meanwhile) {
  std::string tar;
  oci::BlockPool pool(2);
  oci::BlockWriter to(pool, [&](oci::Block block) {
    if (tar.empty()) meanwhile();
    tar.append(oci::text_of(*block));
  });
  oci::tree_source(path, std::move(options))(to);
  to.finish();
  return tar;
}

oci::Error error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const oci::Error& error) {
    return error;
  }
  throw std::runtime_error("there was no error");
}

void set_mtime(const std::filesystem::path& path, std::int64_t seconds, long nanoseconds) {
  const std::array<timespec, 2> times{timespec{0, UTIME_OMIT}, timespec{seconds, nanoseconds}};
  if (::utimensat(AT_FDCWD, path.c_str(), times.data(), AT_SYMLINK_NOFOLLOW) != 0) {
    throw std::runtime_error("utimensat failed");
  }
}

void write_large_file(const std::filesystem::path& path, std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 2654435761U >> 13);
  write_file(path, text);
}

bool is_root() { return ::geteuid() == 0; }

WithoutRoot::WithoutRoot() {
  if (is_root() && ::seteuid(nobody) != 0) throw std::runtime_error("seteuid failed");
}

WithoutRoot::~WithoutRoot() {
  if (::getuid() == 0 && ::seteuid(0) != 0) std::abort();
}

}  // namespace davit::tests
