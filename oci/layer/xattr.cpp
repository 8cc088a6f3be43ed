#include "oci/layer/xattr.hpp"

#include <fmt/format.h>
#include <sys/xattr.h>

#include <array>
#include <cerrno>
#include <vector>

#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"

namespace davit::oci {
namespace {

// The kernel's XATTR_LIST_MAX and XATTR_SIZE_MAX.
constexpr std::size_t largest = 65536;

/// Calls a function that fills a buffer, with a larger one if need be.
template <class Fill>
ssize_t fill(std::vector<char>& buffer, const Fill& call) {
  const ssize_t n = call(buffer.data(), buffer.size());
  if (n >= 0 || errno != ERANGE || buffer.size() == largest) return n;
  buffer.resize(largest);
  return call(buffer.data(), buffer.size());
}

template <class List, class Get>
std::map<std::string, std::string> collect(const List& list, const Get& get) {
  // Nearly all files have none, which is to cost no more than the one call.
  std::array<char, 256> few;
  ssize_t size = list(few.data(), few.size());
  if (size == 0 || (size < 0 && errno == EOPNOTSUPP)) return {};
  std::vector<char> names(few.begin(), few.end());
  if (size < 0 && errno == ERANGE) size = fill(names, list);
  if (size < 0) throw errno_error("extended attributes");

  std::map<std::string, std::string> result;
  std::vector<char> value(4096);
  const std::string_view all(names.data(), static_cast<std::size_t>(size));
  for (std::size_t at = 0; at < all.size();) {
    const std::string name(all.substr(at, all.find('\0', at) - at));
    at += name.size() + 1;
    if (!travels(name)) continue;
    const ssize_t n =
        fill(value, [&](char* to, std::size_t room) { return get(name.c_str(), to, room); });
    if (n < 0) throw errno_error("extended attribute " + printable(name));
    result.emplace(name, std::string(value.data(), static_cast<std::size_t>(n)));
  }
  return result;
}

/// The kernel has no listxattrat and setxattrat before Linux 6.13.
std::string path_at(int directory, const std::string& name) {
  return fmt::format("/proc/self/fd/{}/{}", directory, name);
}

}  // namespace

bool travels(std::string_view xattr) {
  return xattr != "security.selinux" && !xattr.starts_with("trusted.overlay.") &&
         !xattr.starts_with("user.overlay.") && !xattr.starts_with("system.nfs4");
}

std::map<std::string, std::string> xattrs_of(int fd) {
  return collect([&](char* to, std::size_t room) { return ::flistxattr(fd, to, room); },
                 [&](const char* name, void* to, std::size_t room) {
                   return ::fgetxattr(fd, name, to, room);
                 });
}

std::map<std::string, std::string> xattrs_at(int directory, const std::string& name) {
  const std::string path = path_at(directory, name);
  const auto list = [&](char* to, std::size_t room) -> ssize_t {
    const ssize_t n = ::llistxattr(path.c_str(), to, room);
    return n < 0 && (errno == ENOENT || errno == EACCES) ? 0 : n;
  };
  return collect(list, [&](const char* xattr, void* to, std::size_t room) {
    return ::lgetxattr(path.c_str(), xattr, to, room);
  });
}

bool set_xattr_at(int directory, const std::string& name, const std::string& xattr,
                  const std::string& value) {
  return ::lsetxattr(path_at(directory, name).c_str(), xattr.c_str(), value.data(), value.size(),
                     0) == 0;
}

}  // namespace davit::oci
