#include "oci/layer/tree_walk.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"

namespace davit::oci {
namespace {

/// Deeper, the directories further up are closed and opened again on the way back.
constexpr std::size_t open_directories = 64;

constexpr std::size_t listing_bytes = 64 * 1024;

}  // namespace

TreeWalk::TreeWalk(int root, std::string name, const TreePart* part)
    : root_(root), name_(std::move(name)), part_(part), buffer_(listing_bytes) {}

std::optional<TreeItem> TreeWalk::next() {
  if (!std::exchange(started_, true)) {
    enter(open_at(root_, ".", ""), "");
    return TreeItem{stack_.back().directory, "", DT_DIR};
  }
  while (!stack_.empty()) {
    Frame& frame = stack_.back();
    if (frame.next == frame.names.size()) {
      stack_.pop_back();
      continue;
    }
    const Name& found = frame.names[frame.next++];
    if (!belongs(frame, found)) continue;
    std::string name = frame.text.substr(found.offset, found.length);
    const auto& directory = opened(frame);
    if (found.type != DT_DIR) return TreeItem{directory, std::move(name), found.type};
    const std::string path = directory->path + name;
    name.pop_back();
    enter(open_at(directory->fd.get(), name, path), path);
    return TreeItem{stack_.back().directory, "", DT_DIR};
  }
  return std::nullopt;
}

bool TreeWalk::belongs(const Frame& frame, const Name& name) const {
  if (part_ == nullptr) return true;
  const std::string path = frame.path + frame.text.substr(name.offset, name.length);
  return name.type == DT_DIR ? part_->enters(path) : part_->takes(path);
}

void TreeWalk::enter(Fd fd, std::string path) {
  struct stat status;
  if (::fstat(fd.get(), &status) != 0) throw errno_error(called(path));
  Frame frame{};
  frame.path = path;
  frame.device = status.st_dev;
  frame.inode = status.st_ino;
  frame.directory =
      std::make_shared<const TreeDirectory>(TreeDirectory{std::move(fd), std::move(path)});
  list(frame);
  stack_.push_back(std::move(frame));
  if (stack_.size() > open_directories) {
    stack_[stack_.size() - open_directories - 1].directory.reset();
  }
}

void TreeWalk::list(Frame& frame) {
  const int fd = frame.directory->fd.get();
  while (true) {
    const ssize_t n = ::getdents64(fd, buffer_.data(), buffer_.size());
    if (n < 0) throw errno_error(called(frame.path));
    if (n == 0) break;
    for (std::size_t at = 0; at < static_cast<std::size_t>(n);) {
      // The kernel aligns the records for this type.
      const auto* found = reinterpret_cast<const dirent64*>(buffer_.data() + at);
      at += found->d_reclen;
      const std::string_view name = found->d_name;
      if (name == "." || name == "..") continue;
      if (name.starts_with(".wh.")) {
        throw Error(ErrorKind::failed,
                    fmt::format("{}: a name that begins with .wh. means a deletion in a layer",
                                called(frame.path + found->d_name)));
      }
      unsigned char type = found->d_type;
      if (type == DT_UNKNOWN) {
        struct stat status;
        if (::fstatat(fd, found->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
          throw errno_error(called(frame.path + found->d_name));
        }
        type = IFTODT(status.st_mode);
      }
      const std::size_t offset = frame.text.size();
      frame.text.append(name);
      if (type == DT_DIR) frame.text.push_back('/');
      const auto length = static_cast<std::uint16_t>(frame.text.size() - offset);
      frame.names.push_back({offset, length, type});
    }
  }
  const std::string_view text = frame.text;
  std::sort(frame.names.begin(), frame.names.end(), [&](const Name& a, const Name& b) {
    return text.substr(a.offset, a.length) < text.substr(b.offset, b.length);
  });
}

const std::shared_ptr<const TreeDirectory>& TreeWalk::opened(Frame& frame) {
  if (frame.directory) return frame.directory;
  // Name by name, so that no symbolic link is followed and no path is too long for the kernel.
  Fd fd = open_at(root_, ".", "");
  for (std::size_t at = 0; at < frame.path.size();) {
    const std::size_t slash = frame.path.find('/', at);
    fd = open_at(fd.get(), frame.path.substr(at, slash - at), frame.path);
    at = slash + 1;
  }
  struct stat status;
  if (::fstat(fd.get(), &status) != 0) throw errno_error(called(frame.path));
  if (status.st_dev != frame.device || status.st_ino != frame.inode) {
    throw Error(ErrorKind::failed,
                fmt::format("{}: changed while it was read", called(frame.path)));
  }
  frame.directory = std::make_shared<const TreeDirectory>(TreeDirectory{std::move(fd), frame.path});
  return frame.directory;
}

Fd TreeWalk::open_at(int directory, const std::string& name, std::string_view path) const {
  Fd fd(::openat(directory, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (fd) return fd;
  if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP) {
    throw Error(ErrorKind::failed, fmt::format("{}: changed while it was read", called(path)));
  }
  throw errno_error(called(path));
}

std::string TreeWalk::called(std::string_view path) const {
  while (path.ends_with('/')) path.remove_suffix(1);
  return printable(path.empty() ? name_ : fmt::format("{}/{}", name_, path));
}

}  // namespace davit::oci
