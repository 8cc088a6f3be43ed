#include "oci/image/unpack.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "oci/base/error.hpp"
#include "oci/base/file.hpp"

namespace davit::oci {
namespace {

namespace fs = std::filesystem;

/// Where the files are made until they are all there. What is a mount point or the current
/// directory cannot be replaced, and is filled itself.
class Destination {
 public:
  explicit Destination(const fs::path& directory)
      : target_(fs::absolute(directory).lexically_normal()) {
    if (target_.filename().empty()) target_ = target_.parent_path();
    const std::string name = printable(directory.native());
    struct stat status {};
    const bool exists = ::lstat(target_.c_str(), &status) == 0;
    if (!exists && errno != ENOENT) throw errno_error(name);
    if (exists) {
      const RootedTree tree(open_file(target_, O_RDONLY | O_DIRECTORY | O_NOFOLLOW), name);
      if (!tree.names(tree.root(), "").empty()) {
        throw Error(ErrorKind::failed, name + " is not empty",
                    "an image is unpacked into a directory of its own");
      }
    }
    direct_ = exists && (is_mount_point() || same_file(target_, "."));
    if (direct_) {
      place_ = target_;
      root_ = open_file(place_, O_RDONLY | O_DIRECTORY);
    } else {
      take_place_beside();
    }
  }

  ~Destination() {
    if (done_) return;
    try {
      clear();
      if (!direct_) ::rmdir(place_.c_str());
    } catch (const std::exception&) {
      // The next run removes it.
    }
  }

  Destination(const Destination&) = delete;
  Destination& operator=(const Destination&) = delete;

  int root() const { return root_.get(); }

  void commit() {
    if (!direct_ && ::rename(place_.c_str(), target_.c_str()) != 0) {
      throw errno_error(printable(target_.native()));
    }
    done_ = true;
  }

 private:
  static bool same_file(const fs::path& a, const fs::path& b) {
    struct stat first {};
    struct stat second {};
    return ::stat(a.c_str(), &first) == 0 && ::stat(b.c_str(), &second) == 0 &&
           first.st_dev == second.st_dev && first.st_ino == second.st_ino;
  }

  bool is_mount_point() const {
    struct stat here {};
    struct stat above {};
    return ::stat(target_.c_str(), &here) == 0 &&
           ::stat(target_.parent_path().c_str(), &above) == 0 && here.st_dev != above.st_dev;
  }

  void take_place_beside() {
    place_ = target_.parent_path() / fmt::format(".{}.davit-partial", target_.filename().native());
    const std::string name = printable(place_.native());
    do {
      if (::mkdir(place_.c_str(), 0700) != 0 && errno != EEXIST) throw errno_error(name);
      root_ = open_file(place_, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
      if (::flock(root_.get(), LOCK_EX | LOCK_NB) != 0) {
        done_ = true;  // it is another's
        throw Error(ErrorKind::unavailable,
                    fmt::format("another process unpacks into {}", printable(target_.native())));
      }
      // Before it was locked, whoever had it may have finished, and renamed it to its place.
    } while (!same_file(place_, fmt::format("/proc/self/fd/{}", root_.get())));
    clear();
  }

  void clear() {
    const RootedTree tree(Fd(::fcntl(root_.get(), F_DUPFD_CLOEXEC, 0)), printable(place_.native()));
    for (const std::string& name : tree.names(root_.get(), "")) {
      tree.remove(root_.get(), name, name);
    }
  }

  fs::path target_;
  fs::path place_;
  Fd root_;
  bool direct_ = false;
  bool done_ = false;
};

}  // namespace

Unpacked unpack_image(const ImageLayers& image, const fs::path& directory,
                      const UnpackImageOptions& options) {
  Destination destination(directory);
  const RootedTree tree(Fd(::fcntl(destination.root(), F_DUPFD_CLOEXEC, 0)),
                        printable(directory.native()));
  // The root of an image without an entry for it is open to all, as containers expect.
  if (::fchmod(destination.root(), 0755) != 0) throw errno_error(tree.called(""));
  UnpackOptions unpack;
  unpack.privileged = ::geteuid() == 0;
  if (options.max_size != 0) unpack.max_bytes = options.max_size;
  unpack.stop = options.reading.stop;
  Unpacker unpacker(tree, unpack);
  read_layers(image, LayerOrder::bottom_up, options.reading, [&](std::size_t) -> TarHandler& {
    unpacker.begin_layer();
    return unpacker;
  });
  unpacker.finish();
  destination.commit();
  return {image.name, unpacker.shortfalls()};
}

}  // namespace davit::oci
