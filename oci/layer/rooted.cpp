#include "oci/layer/rooted.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string>
#include <utility>

#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"

namespace davit::oci {
namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

/// The names in an open directory, from the start.
class Names {
 public:
  Names(int directory, std::string what) : what_(std::move(what)) {
    const int fd = ::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) throw errno_error(what_);
    directory_.reset(::fdopendir(fd));
    if (directory_ == nullptr) {
      ::close(fd);
      throw errno_error(what_);
    }
  }

  void rewind() { ::rewinddir(directory_.get()); }
  /// The next one, or null.
  const char* next() {
    while (true) {
      errno = 0;
      const dirent64* found = ::readdir64(directory_.get());
      if (found == nullptr && errno != 0) throw errno_error(what_);
      if (found == nullptr) return nullptr;
      const std::string_view name = found->d_name;
      if (name != "." && name != "..") return found->d_name;
    }
  }

 private:
  const std::string what_;
  std::unique_ptr<DIR, CloseDirectory> directory_;
};

bool is_directory_error(int error) { return error == EISDIR || error == EPERM; }

/// Opens a directory that is to be emptied. Who is not root may not do so before its mode says it.
Fd open_to_empty(int above, const char* name, const std::string& what) {
  const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  Fd opened(::openat(above, name, flags));
  if (!opened && errno == EACCES && ::fchmodat(above, name, 0700, 0) == 0) {
    opened = Fd(::openat(above, name, flags));
  }
  struct stat status {};
  if (!opened || ::fstat(opened.get(), &status) != 0) throw errno_error(what);
  if ((status.st_mode & 0700) != 0700 && ::fchmod(opened.get(), 0700) != 0) {
    throw errno_error(what);
  }
  return opened;
}

/// Empties a directory without going down into it: the directories that are in one of its
/// directories are moved up and wait beside it. So depth costs neither stack nor descriptors.
class Clearing {
 public:
  Clearing(int directory, std::string what) : directory_(directory), what_(std::move(what)) {}

  void run() {
    Names names(directory_, what_);
    // What is moved here while the names are read may be among them or not.
    for (bool any = true; any; names.rewind()) {
      any = false;
      while (const char* name = names.next()) {
        any = true;
        if (::unlinkat(directory_, name, 0) == 0 || errno == ENOENT) continue;
        if (!is_directory_error(errno)) throw errno_error(what_);
        flatten(name);
      }
    }
  }

 private:
  void flatten(const char* name) {
    const Fd below = open_to_empty(directory_, name, what_);
    Names names(below.get(), what_);
    while (::unlinkat(directory_, name, AT_REMOVEDIR) != 0) {
      if (errno == ENOENT) return;
      if (errno != ENOTEMPTY && errno != EEXIST) throw errno_error(what_);
      names.rewind();
      while (const char* child = names.next()) {
        if (::unlinkat(below.get(), child, 0) == 0 || errno == ENOENT) continue;
        if (!is_directory_error(errno)) throw errno_error(what_);
        move_up(below.get(), child);
      }
    }
  }

  void move_up(int from, const char* name) {
    bool opened = false;
    while (::renameat(from, name, directory_, std::to_string(number_).c_str()) != 0) {
      if (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR) {
        ++number_;  // something has this name
      } else if (errno == EACCES && !opened) {
        open_to_empty(from, name, what_);
        opened = true;
      } else {
        throw errno_error(what_);
      }
    }
    ++number_;
  }

  const int directory_;
  const std::string what_;
  std::uint64_t number_ = 0;
};

}  // namespace

Fd RootedTree::directory(const std::string& path) const {
  const int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW;
  auto found = open_beneath(root_.get(), path.empty() ? "." : path, flags, name_, how_);
  if (!found) throw Error(ErrorKind::failed, called(path) + " is gone: another has changed it");
  return std::move(*found);
}

void RootedTree::remove(int directory, const std::string& name, std::string_view path) const {
  if (::unlinkat(directory, name.c_str(), 0) == 0 || errno == ENOENT) return;
  if (!is_directory_error(errno)) throw errno_error(called(path));
  {
    const Fd open = open_to_empty(directory, name.c_str(), called(path));
    clear(open.get(), path);
  }
  if (::unlinkat(directory, name.c_str(), AT_REMOVEDIR) != 0) throw errno_error(called(path));
}

void RootedTree::clear(int directory, std::string_view path) const {
  Clearing(directory, called(path)).run();
}

bool RootedTree::is_empty(int directory, std::string_view path) const {
  return Names(directory, called(path)).next() == nullptr;
}

std::string RootedTree::called(std::string_view path) const {
  return path.empty() ? name_ : fmt::format("{}/{}", name_, printable(path));
}

}  // namespace davit::oci
