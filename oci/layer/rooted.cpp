#include "oci/layer/rooted.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <memory>
#include <vector>

#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"

namespace davit::oci {
namespace {

constexpr mode_t implied_mode = 0755;
/// As many as the kernel follows.
constexpr int link_limit = 40;

Fd open_in_root(int root, const std::string& path) {
  open_how how{};
  how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  long fd = -1;
  do {
    fd = ::syscall(SYS_openat2, root, path.c_str(), &how, sizeof how);
  } while (fd < 0 && (errno == EINTR || errno == EAGAIN));
  return Fd(static_cast<int>(fd));
}

/// The names still to go, the next one last.
void push_names(std::vector<std::string>& names, std::string_view path) {
  while (!path.empty()) {
    const auto slash = path.rfind('/');
    const std::string_view name = slash == path.npos ? path : path.substr(slash + 1);
    if (!name.empty() && name != ".") names.emplace_back(name);
    path = slash == path.npos ? std::string_view() : path.substr(0, slash);
  }
}

std::string read_link(int directory, const std::string& name) {
  std::array<char, PATH_MAX> target;
  const ssize_t n = ::readlinkat(directory, name.c_str(), target.data(), target.size());
  return n < 0 ? std::string() : std::string(target.data(), static_cast<std::size_t>(n));
}

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

}  // namespace

Fd RootedTree::directory(std::string_view path) const {
  if (how_ == OpenBeneath::best) {
    Fd found = open_in_root(root_.get(), path.empty() ? "." : std::string(path));
    if (found) return found;
  }
  // Something is missing or wrong, or there is no openat2.
  return walk(path, Missing::made);
}

std::optional<Fd> RootedTree::find(std::string_view path) const {
  if (how_ == OpenBeneath::best) {
    Fd found = open_in_root(root_.get(), path.empty() ? "." : std::string(path));
    if (found) return found;
    if (errno == ENOENT) return std::nullopt;
  }
  Fd found = walk(path, Missing::absent);
  if (!found) return std::nullopt;
  return found;
}

/// No Fd where something is missing that is not to be made.
Fd RootedTree::walk(std::string_view path, Missing missing) const {
  const auto bad = [&](std::string_view why) {
    return Error(ErrorKind::corrupt, fmt::format("{}: {}", called(path), why));
  };
  std::vector<Fd> above;  // the way from the root down to here
  std::vector<std::string> names;
  push_names(names, path);
  int links = 0;
  const auto here = [&] { return above.empty() ? root_.get() : above.back().get(); };
  while (!names.empty()) {
    const std::string name = std::move(names.back());
    names.pop_back();
    if (name == "..") {
      if (!above.empty()) above.pop_back();
      continue;
    }
    const int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    Fd next(::openat(here(), name.c_str(), flags));
    if (!next && errno == ENOENT) {
      if (missing == Missing::absent) return {};
      if (::mkdirat(here(), name.c_str(), implied_mode) != 0 && errno != EEXIST) {
        throw errno_error(called(path));
      }
      next = Fd(::openat(here(), name.c_str(), flags));
    }
    if (next) {
      above.push_back(std::move(next));
      continue;
    }
    if (errno != ENOTDIR && errno != ELOOP) throw errno_error(called(path));
    const std::string target = read_link(here(), name);
    if (target.empty()) throw bad(fmt::format("'{}' is no directory", printable(name)));
    if (++links > link_limit) throw bad("leads through too many symbolic links");
    if (target.starts_with('/')) above.clear();
    push_names(names, target);
  }
  Fd result(above.empty() ? ::openat(root_.get(), ".", O_PATH | O_DIRECTORY | O_CLOEXEC)
                          : ::fcntl(above.back().get(), F_DUPFD_CLOEXEC, 0));
  if (!result) throw errno_error(called(path));
  return result;
}

std::vector<std::string> RootedTree::names(int directory, const std::string& path) const {
  const int fd = ::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) throw errno_error(called(path));
  const std::unique_ptr<DIR, CloseDirectory> open(::fdopendir(fd));
  if (open == nullptr) throw errno_error(called(path));
  std::vector<std::string> names;
  while (const dirent64* found = ::readdir64(open.get())) {
    const std::string_view name = found->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  return names;
}

bool RootedTree::remove(int directory, const std::string& name, const std::string& path,
                        const Spare& spare) const {
  const bool spared = spare && spare(path);
  if (!spared) {
    if (::unlinkat(directory, name.c_str(), 0) == 0 || errno == ENOENT) return true;
    if (errno != EISDIR && errno != EPERM) throw errno_error(called(path));
  }
  // Of a directory that is spared, what it holds need not be. One descriptor is open for each
  // level on the way down, which the length of a path bounds.
  const Fd below(::openat(directory, name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!below && spared) return false;
  if (!below) throw errno_error(called(path));
  bool all = !spared;
  for (const std::string& child : names(below.get(), path)) {
    all = remove(below.get(), child, path + "/" + child, spare) && all;
  }
  if (all && ::unlinkat(directory, name.c_str(), AT_REMOVEDIR) != 0) {
    throw errno_error(called(path));
  }
  return all;
}

std::string RootedTree::called(std::string_view path) const {
  return path.empty() ? name_ : fmt::format("{}/{}", name_, printable(path));
}

}  // namespace davit::oci
