#include "oci/layer/unpack.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "oci/base/bytes.hpp"
#include "oci/base/tasks.hpp"
#include "oci/layer/xattr.hpp"

namespace davit::oci {
namespace {

template <class Timed>
std::array<timespec, 2> times_of(const Timed& timed) {
  const timespec time{static_cast<time_t>(timed.mtime), static_cast<long>(timed.mtime_nanoseconds)};
  return {time, time};
}

constexpr int no_file = -1;

bool is_device(EntryType type) {
  return type == EntryType::character_device || type == EntryType::block_device;
}

}  // namespace

Unpacker::Unpacker(const RootedTree& tree, UnpackOptions options)
    : tree_(tree), options_(std::move(options)), overlay_(this, options_.max_entries) {}

Unpacker::~Unpacker() = default;

void Unpacker::begin_layer(std::string what) { overlay_.begin_layer(std::move(what)); }

void Unpacker::entry(const TarEntry& entry) {
  check_stop(options_.stop);
  const Overlay::Applied applied = overlay_.apply(entry);
  if (applied.node == no_node) return;
  node_ = applied.node;
  switch (entry.type) {
    case EntryType::directory:
      return make_directory(entry, applied);
    case EntryType::file:
      return make_file(entry);
    case EntryType::hardlink:
      return make_link();
    case EntryType::symlink:
      return make_symlink(entry);
    default:
      return make_device(entry);
  }
}

void Unpacker::removes(Node node) {
  const int above = directory(overlay_[node].parent);
  tree_.remove(above, std::string(overlay_.name(node)), overlay_.path(node));
}

void Unpacker::implied(Node node) {
  const int above = directory(overlay_[node].parent);
  const std::string name(overlay_.name(node));
  // Whatever the umask is: containers run as somebody else.
  if (::mkdirat(above, name.c_str(), 0700) != 0 ||
      ::fchmodat(above, name.c_str(), overlay_[node].mode, 0) != 0) {
    throw errno_error(tree_.called(overlay_.path(node)));
  }
  // What it was made for goes into it.
  Fd made(::openat(above, name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!made) throw errno_error(tree_.called(overlay_.path(node)));
  directory_ = std::move(made);
  open_ = node;
}

int Unpacker::directory(Node node) {
  if (node != open_) {
    directory_ = tree_.directory(overlay_.path(node));
    open_ = node;
  }
  return directory_.get();
}

/// For the current errno.
Error Unpacker::failure() const {
  const int error = errno;
  const std::string what = tree_.called(overlay_.path(node_));
  errno = error;
  return errno_error(what);
}

void Unpacker::make_directory(const TarEntry& entry, Overlay::Applied applied) {
  Fd open;
  if (node_ == root_node) {
    open = Fd(::openat(tree_.root(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  } else {
    const int above = parent();
    const std::string called = name();
    if (applied.is_new && ::mkdirat(above, called.c_str(), 0700) != 0) throw failure();
    open = Fd(::openat(above, called.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  }
  if (!open) throw failure();
  if (options_.privileged && ::fchown(open.get(), entry.uid, entry.gid) != 0) fell_short("owners");
  // Without root's privileges, what is to be filled must stay open to its owner; a directory that
  // nobody may write to is made so, with the times, at the end. The root stays closed to others
  // until all is there.
  const std::uint32_t mode = options_.privileged ? entry.mode : entry.mode | 0700;
  if (node_ != root_node && ::fchmod(open.get(), mode & 07777) != 0) throw failure();
  if (!applied.is_new) {
    for (const auto& [attribute, value] : xattrs_of(open.get())) {
      if (!entry.xattrs.contains(attribute)) ::fremovexattr(open.get(), attribute.c_str());
    }
  }
  set_attributes(entry, open.get());
}

void Unpacker::make_file(const TarEntry& entry) {
  bytes_ += entry.size;
  if (bytes_ > options_.max_bytes) {
    throw Error(ErrorKind::refused,
                fmt::format("the image has more than {} of files", human_size(options_.max_bytes)),
                Advice::allow_more);
  }
  file_ = Fd(::openat(parent(), name().c_str(),
                      O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file_) throw failure();
  file_entry_ = entry;
  missing_ = entry.size;
  if (missing_ == 0) end_file();
}

void Unpacker::data(Bytes bytes) {
  check_stop(options_.stop);
  if (!file_) return;
  write_all(file_.get(), bytes, tree_.called(file_entry_.path));
  missing_ -= bytes.size();
  if (missing_ == 0) end_file();
}

void Unpacker::end_file() {
  if (options_.privileged && ::fchown(file_.get(), file_entry_.uid, file_entry_.gid) != 0) {
    fell_short("owners");
  }
  // After the owner, which takes set-id bits and capabilities away.
  if (::fchmod(file_.get(), file_entry_.mode & 07777) != 0) throw failure();
  set_attributes(file_entry_, file_.get());
  const auto times = times_of(file_entry_);
  if (::futimens(file_.get(), times.data()) != 0) throw failure();
  file_ = Fd();
}

void Unpacker::make_symlink(const TarEntry& entry) {
  if (::symlinkat(entry.link_target.c_str(), parent(), name().c_str()) != 0) throw failure();
  set_owner(entry);
  set_attributes(entry, no_file);
  set_times(entry);
}

void Unpacker::make_link() {
  const Node target = overlay_.first_name(node_);
  if (is_left_out(target)) return fell_short("devices");
  const std::string from(overlay_.name(target));
  const Node above = overlay_[target].parent;
  Fd other;
  if (above != overlay_[node_].parent) other = tree_.directory(overlay_.path(above));
  const int in = parent();
  if (::linkat(other ? other.get() : in, from.c_str(), in, name().c_str(), 0) == 0) return;
  // A sandbox may have refused the device that it is a link to.
  if (errno == ENOENT && is_device(overlay_[target].type)) return fell_short("devices");
  throw failure();
}

/// Whether it is a device that its owner cannot make.
bool Unpacker::is_left_out(Node node) const {
  return is_device(overlay_[node].type) && !options_.privileged;
}

void Unpacker::make_device(const TarEntry& entry) {
  if (is_left_out(node_)) return fell_short("devices");
  const mode_t type = entry.type == EntryType::fifo               ? S_IFIFO
                      : entry.type == EntryType::character_device ? S_IFCHR
                                                                  : S_IFBLK;
  const dev_t device = ::makedev(entry.device_major, entry.device_minor);
  const int above = parent();
  const std::string called = name();
  if (::mknodat(above, called.c_str(), type | 0600, device) != 0) {
    if (errno != EPERM) throw failure();
    return fell_short("devices");
  }
  set_owner(entry);
  if (::fchmodat(above, called.c_str(), entry.mode & 07777, 0) != 0) throw failure();
  set_attributes(entry, no_file);
  set_times(entry);
}

/// Of what cannot be opened.
void Unpacker::set_owner(const TarEntry& entry) {
  if (options_.privileged &&
      ::fchownat(parent(), name().c_str(), entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW) != 0) {
    fell_short("owners");
  }
}

/// Of an open file, or by name of what cannot be opened.
void Unpacker::set_attributes(const TarEntry& entry, int fd) {
  for (const auto& [attribute, value] : entry.xattrs) {
    if (!travels(attribute)) continue;
    const bool done = fd != no_file
                          ? ::fsetxattr(fd, attribute.c_str(), value.data(), value.size(), 0) == 0
                          : set_xattr_at(parent(), name(), attribute, value);
    if (!done) fell_short("extended attributes");
  }
}

void Unpacker::set_times(const TarEntry& entry) {
  const auto times = times_of(entry);
  if (::utimensat(parent(), name().c_str(), times.data(), AT_SYMLINK_NOFOLLOW) != 0) {
    throw failure();
  }
}

void Unpacker::fell_short(const std::string& what) {
  Shortfall& shortfall = shortfalls_[what];
  if (shortfall.count++ == 0) shortfall.example = printable(overlay_.path(node_));
}

void Unpacker::finish() {
  // What is in a directory was made after it. So this is from below, and a directory that is closed
  // to its owner is closed last.
  for (Node node = overlay_.size(); node-- > 0;) {
    if (overlay_[node].is_there && overlay_.is_directory(node)) end_directory(node);
  }
}

void Unpacker::end_directory(Node node) {
  check_stop(options_.stop);
  node_ = node;
  const OverlayNode& directory = overlay_[node];
  const int above = node == root_node ? tree_.root() : parent();
  const std::string last = node == root_node ? "." : name();
  const bool has_mode =
      node != root_node && (options_.privileged || (directory.mode & 0700) == 0700);
  if (!has_mode && ::fchmodat(above, last.c_str(), directory.mode, 0) != 0) throw failure();
  // When the root of a layer without an entry for it changed is not said.
  if (node == root_node && directory.is_implied) return;
  const auto times = times_of(directory);
  if (::utimensat(above, last.c_str(), times.data(), AT_SYMLINK_NOFOLLOW) != 0) throw failure();
}

}  // namespace davit::oci
