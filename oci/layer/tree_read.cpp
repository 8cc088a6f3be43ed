#include "oci/layer/tree_read.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"
#include "oci/layer/xattr.hpp"

namespace davit::oci {
namespace {

constexpr std::string_view changed = "changed while it was read";

bool same(const timespec& a, const timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

EntryType type_of(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFDIR:
      return EntryType::directory;
    case S_IFLNK:
      return EntryType::symlink;
    case S_IFCHR:
      return EntryType::character_device;
    case S_IFBLK:
      return EntryType::block_device;
    case S_IFIFO:
      return EntryType::fifo;
    default:
      return EntryType::file;
  }
}

std::string link_target(const TreeItem& item, off_t size) {
  // Some file systems say 0, and the link may have changed: one byte more tells.
  std::string target(static_cast<std::size_t>(size) + 1, '\0');
  while (true) {
    const ssize_t n =
        ::readlinkat(item.directory->fd.get(), item.name.c_str(), target.data(), target.size());
    if (n < 0) return {};
    if (static_cast<std::size_t>(n) < target.size()) {
      target.resize(static_cast<std::size_t>(n));
      return target;
    }
    target.resize(std::max<std::size_t>(4096, target.size() * 2));
  }
}

std::map<std::string, std::string> xattrs(const TreeItem& item, const Fd& file) {
  if (file) return xattrs_of(file.get());
  if (item.name.empty()) return xattrs_of(item.directory->fd.get());
  return xattrs_at(item.directory->fd.get(), item.name);
}

}  // namespace

TreeReader::Opened TreeReader::open(const TreeItem& item) const {
  // Of a name that was there when its directory was listed.
  const auto name_error = [&] {
    const bool gone = errno == ENOENT || errno == ENOTDIR || errno == ELOOP;
    return gone ? failure(item, changed) : errno_error(called(item));
  };
  Opened opened{};
  opened.item = &item;
  struct stat& status = opened.status;
  const int directory = item.directory->fd.get();
  if (item.name.empty()) {
    if (::fstat(directory, &status) != 0) throw errno_error(called(item));
  } else if (item.type == DT_REG) {
    // Should it have become a fifo, opening it does not wait.
    const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    opened.file = Fd(::openat(directory, item.name.c_str(), flags));
    if (!opened.file) throw name_error();
    if (::fstat(opened.file.get(), &status) != 0) throw errno_error(called(item));
  } else if (::fstatat(directory, item.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    throw name_error();
  }
  if (IFTODT(status.st_mode) != item.type) throw failure(item, changed);

  TarEntry& entry = opened.entry;
  entry.type = type_of(status.st_mode);
  entry.path.reserve(rules_.prefix.size() + item.directory->path.size() + item.name.size() + 1);
  entry.path.append(rules_.prefix).append(item.directory->path).append(item.name);
  if (entry.path.empty()) entry.path.push_back('.');
  if (entry.type == EntryType::directory && entry.path.ends_with('/')) entry.path.pop_back();
  entry.mode = status.st_mode & 07777;
  entry.uid = rules_.owner ? rules_.owner->uid : status.st_uid;
  entry.gid = rules_.owner ? rules_.owner->gid : status.st_gid;
  const bool timed = !rules_.part || !item.name.empty() || rules_.part->times(item.directory->path);
  entry.mtime = timed ? status.st_mtim.tv_sec : 0;
  if (rules_.clamp_mtime) entry.mtime = std::min(entry.mtime, *rules_.clamp_mtime);
  if (opened.file) entry.size = static_cast<std::uint64_t>(status.st_size);
  if (S_ISLNK(status.st_mode)) {
    entry.link_target = link_target(item, status.st_size);
    if (entry.link_target.empty()) throw name_error();
  }
  if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode)) {
    entry.device_major = ::major(status.st_rdev);
    entry.device_minor = ::minor(status.st_rdev);
  }
  opened.socket = S_ISSOCK(status.st_mode);
  if (opened.socket) return opened;
  try {
    entry.xattrs = xattrs(item, opened.file);
  } catch (const Error& error) {
    throw error.during(called(item));
  }
  return opened;
}

std::size_t TreeReader::read(const Opened& opened, std::span<std::byte> into) const {
  while (true) {
    const ssize_t n = ::read(opened.file.get(), into.data(), into.size());
    if (n > 0) return static_cast<std::size_t>(n);
    if (n == 0) throw failure(*opened.item, "became shorter while it was read");
    if (errno != EINTR) throw errno_error(called(*opened.item));
  }
}

void TreeReader::check_unchanged(const Opened& opened) const {
  struct stat now;
  if (::fstat(opened.file.get(), &now) != 0) throw errno_error(called(*opened.item));
  const struct stat& before = opened.status;
  if (now.st_size != before.st_size || !same(now.st_mtim, before.st_mtim) ||
      !same(now.st_ctim, before.st_ctim)) {
    throw failure(*opened.item, changed);
  }
}

std::string TreeReader::called(const TreeItem& item) const {
  std::string path = item.path();
  if (path.ends_with('/')) path.pop_back();
  return printable(path.empty() ? name_ : fmt::format("{}/{}", name_, path));
}

Error TreeReader::failure(const TreeItem& item, std::string_view what) const {
  return Error(ErrorKind::failed, fmt::format("{}: {}", called(item), what));
}

}  // namespace davit::oci
