#include "oci/layer/unpack.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>

#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"
#include "oci/base/tasks.hpp"
#include "oci/layer/xattr.hpp"

namespace davit::oci {
namespace {

std::pair<std::string, std::string> split(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return {"", path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

std::array<timespec, 2> times_of(std::int64_t mtime) {
  const timespec time{static_cast<time_t>(mtime), 0};
  return {time, time};
}

}  // namespace

std::string clean_path(std::string_view text) {
  if (text.size() >= PATH_MAX) {
    throw Error(ErrorKind::corrupt,
                fmt::format("{}...: the name is too long", printable(text.substr(0, 100))));
  }
  std::string path;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      throw Error(ErrorKind::corrupt,
                  fmt::format("{}: a name with a control character", printable(text)));
    }
  }
  while (!text.empty()) {
    const auto slash = text.find('/');
    const std::string_view name = text.substr(0, slash);
    text.remove_prefix(slash == text.npos ? text.size() : slash + 1);
    if (name.empty() || name == ".") continue;
    if (name == "..") {
      throw Error(ErrorKind::corrupt, fmt::format("{}: leads out of the layer", printable(path)));
    }
    if (!path.empty()) path += '/';
    path += name;
  }
  return path;
}

Unpacker::Unpacker(const RootedTree& tree, UnpackOptions options)
    : tree_(tree), options_(std::move(options)) {}

Unpacker::~Unpacker() = default;

void Unpacker::begin_layer() {
  made_.clear();
  has_parent_ = false;
}

void Unpacker::entry(const TarEntry& entry) {
  check_stop(options_.stop);
  if (++entries_ > options_.max_entries) {
    throw Error(ErrorKind::refused,
                fmt::format("the image has more than {} entries", options_.max_entries));
  }
  path_ = clean_path(entry.path);
  const auto [parent, name] = split(path_);
  name_ = name;
  if (name.starts_with(whiteout_mark)) return whiteout(parent, name);

  made_.insert(path_);
  switch (entry.type) {
    case EntryType::directory:
      return make_directory(entry);
    case EntryType::file:
      return make_file(entry);
    case EntryType::hardlink:
    case EntryType::symlink:
      return make_link(entry);
    default:
      return make_special(entry);
  }
}

/// The open directory that an entry goes into. Neighbours share it.
int Unpacker::parent(const std::string& path) {
  auto directory = split(path).first;
  if (!has_parent_ || directory != parent_path_) {
    parent_ = tree_.directory(directory);
    parent_path_ = std::move(directory);
    has_parent_ = true;
    for (std::string above = parent_path_; !above.empty(); above = split(above).first) {
      if (!made_.insert(above).second) break;
    }
  }
  return parent_.get();
}

/// Calls `make`, and once more where something is in its way, without that.
template <class Make>
bool Unpacker::make(const Make& make) {
  if (path_.empty()) throw Error(ErrorKind::corrupt, "the root of a layer is no directory");
  const int directory = parent(path_);
  if (make(directory)) return true;
  if (errno != EEXIST) return false;
  tree_.remove(directory, name_, path_);
  // What was removed may have been the way to somewhere.
  directories_.erase(path_);
  return make(directory);
}

void Unpacker::make_directory(const TarEntry& entry) {
  Fd directory;
  if (path_.empty()) {
    directory = tree_.directory("");
  } else {
    const int above = parent(path_);
    struct stat status {};
    const bool is_there = ::fstatat(above, name_.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
    if (!is_there || !S_ISDIR(status.st_mode)) {
      if (!make([&](int in) { return ::mkdirat(in, name_.c_str(), 0700) == 0; })) {
        throw errno_error(tree_.called(path_));
      }
    }
    directory = Fd(::openat(above, name_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!directory) throw errno_error(tree_.called(path_));
  }
  // Not by O_PATH, which may neither change owners nor modes.
  const Fd open(::openat(directory.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!open) throw errno_error(tree_.called(path_));
  set_owner(entry, open.get());
  // Without root's privileges, what is to be filled must stay open to its owner; a directory that
  // nobody may write to is made so, with the times, at the end.
  const std::uint32_t mode = options_.privileged ? entry.mode : entry.mode | 0700;
  if (::fchmod(open.get(), mode & 07777) != 0) throw errno_error(tree_.called(path_));
  set_attributes(entry, open.get());
  directories_[path_] = {entry.mtime, entry.mode & 07777};
}

void Unpacker::make_file(const TarEntry& entry) {
  bytes_ += entry.size;
  if (bytes_ > options_.max_bytes) {
    throw Error(ErrorKind::refused,
                fmt::format("the image has more than {} of files", human_size(options_.max_bytes)),
                Advice::allow_more);
  }
  const bool made = make([&](int in) {
    file_ =
        Fd(::openat(in, name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    return static_cast<bool>(file_);
  });
  if (!made) throw errno_error(tree_.called(path_));
  file_entry_ = entry;
  missing_ = entry.size;
  if (missing_ == 0) end_file();
}

void Unpacker::data(Bytes bytes) {
  check_stop(options_.stop);
  if (!file_) return;
  write_all(file_.get(), bytes, tree_.called(path_));
  missing_ -= bytes.size();
  if (missing_ == 0) end_file();
}

void Unpacker::end_file() {
  const Fd file = std::move(file_);
  file_ = Fd();
  const int fd = file.get();
  set_owner(file_entry_, fd);
  // After the owner, which takes set-id bits and capabilities away.
  if (::fchmod(fd, file_entry_.mode & 07777) != 0) throw errno_error(tree_.called(path_));
  set_attributes(file_entry_, fd);
  const auto times = times_of(file_entry_.mtime);
  if (::futimens(fd, times.data()) != 0) throw errno_error(tree_.called(path_));
}

void Unpacker::make_link(const TarEntry& entry) {
  if (entry.type == EntryType::symlink) {
    const bool made = make(
        [&](int in) { return ::symlinkat(entry.link_target.c_str(), in, name_.c_str()) == 0; });
    if (!made) throw errno_error(tree_.called(path_));
    if (options_.privileged &&
        ::fchownat(parent(path_), name_.c_str(), entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW) != 0) {
      fell_short("owners");
    }
    return set_times(entry);
  }
  const std::string target = clean_path(entry.link_target);
  const std::pair place = split(target);  // No binding: clang lets no lambda see one.
  if (target.empty() || target == path_) {
    throw Error(ErrorKind::corrupt,
                fmt::format("{}: a hard link to itself or to the root", tree_.called(path_)));
  }
  // The target's directory first: making ours may not change what it is.
  const std::optional<Fd> from = tree_.find(place.first);
  errno = ENOENT;
  const bool made = from && make([&](int in) {
                      return ::linkat(from->get(), place.second.c_str(), in, name_.c_str(), 0) == 0;
                    });
  if (made) return;
  if (errno == ENOENT || errno == EPERM) {
    throw Error(ErrorKind::corrupt, fmt::format("{}: a hard link to {}, which is no file",
                                                tree_.called(path_), printable(target)));
  }
  throw errno_error(tree_.called(path_));
}

void Unpacker::make_special(const TarEntry& entry) {
  const mode_t type = entry.type == EntryType::fifo               ? S_IFIFO
                      : entry.type == EntryType::character_device ? S_IFCHR
                                                                  : S_IFBLK;
  const dev_t device = ::makedev(entry.device_major, entry.device_minor);
  if (type != S_IFIFO && !options_.privileged) {
    parent(path_);
    tree_.remove(parent_.get(), name_, path_);
    return fell_short("devices");
  }
  const bool made =
      make([&](int in) { return ::mknodat(in, name_.c_str(), type | 0600, device) == 0; });
  if (!made) {
    if (errno != EPERM) throw errno_error(tree_.called(path_));
    return fell_short("devices");
  }
  const int above = parent(path_);
  if (options_.privileged &&
      ::fchownat(above, name_.c_str(), entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW) != 0) {
    fell_short("owners");
  }
  if (::fchmodat(above, name_.c_str(), entry.mode & 07777, 0) != 0) {
    throw errno_error(tree_.called(path_));
  }
  set_times(entry);
}

void Unpacker::whiteout(const std::string& above, const std::string& name) {
  const auto spare = [this](const std::string& path) { return made_.contains(path); };
  if (name == opaque_mark) {
    const std::optional<Fd> directory = tree_.find(above);
    if (!directory) return;
    for (const std::string& child : tree_.names(directory->get(), above)) {
      tree_.remove(directory->get(), child, above.empty() ? child : above + "/" + child, spare);
    }
  } else if (name.starts_with(aufs_mark)) {
    return;  // AUFS's own notes
  } else {
    const std::string gone = name.substr(whiteout_mark.size());
    if (gone.empty() || gone == "." || gone == "..") {
      throw Error(ErrorKind::corrupt,
                  fmt::format("{}: a whiteout of no name", tree_.called(path_)));
    }
    const std::optional<Fd> directory = tree_.find(above);
    if (!directory) return;
    tree_.remove(directory->get(), gone, above.empty() ? gone : above + "/" + gone, spare);
  }
  // The directory that neighbours share may be among what is gone.
  has_parent_ = false;
}

void Unpacker::set_owner(const TarEntry& entry, int fd) {
  if (options_.privileged && ::fchown(fd, entry.uid, entry.gid) != 0) fell_short("owners");
}

void Unpacker::set_attributes(const TarEntry& entry, int fd) {
  for (const auto& [name, value] : entry.xattrs) {
    if (!travels(name)) continue;
    if (::fsetxattr(fd, name.c_str(), value.data(), value.size(), 0) != 0) {
      fell_short("extended attributes");
    }
  }
}

void Unpacker::set_times(const TarEntry& entry) {
  const auto times = times_of(entry.mtime);
  if (::utimensat(parent(path_), name_.c_str(), times.data(), AT_SYMLINK_NOFOLLOW) != 0) {
    throw errno_error(tree_.called(path_));
  }
}

void Unpacker::fell_short(const std::string& what) {
  Shortfall& shortfall = shortfalls_[what];
  if (shortfall.count++ == 0) shortfall.example = printable(path_);
}

void Unpacker::finish() {
  // From below: a directory that is closed to its owner is closed last.
  for (auto it = directories_.rbegin(); it != directories_.rend(); ++it) {
    const auto& [path, end] = *it;
    const auto [above, name] = split(path);
    const std::optional<Fd> directory = tree_.find(above);
    if (!directory) continue;
    const std::string last = path.empty() ? "." : name;
    struct stat status {};
    // A later layer may have taken it away, or put something else in its place.
    if (::fstatat(directory->get(), last.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISDIR(status.st_mode)) {
      continue;
    }
    if ((status.st_mode & 07777) != end.mode &&
        ::fchmodat(directory->get(), last.c_str(), end.mode, 0) != 0) {
      throw errno_error(tree_.called(path));
    }
    const auto times = times_of(end.mtime);
    if (::utimensat(directory->get(), last.c_str(), times.data(), AT_SYMLINK_NOFOLLOW) != 0) {
      throw errno_error(tree_.called(path));
    }
  }
}

}  // namespace davit::oci
