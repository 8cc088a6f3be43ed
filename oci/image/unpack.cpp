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
      : name_(printable(directory.native())), target_(resolve(directory)) {
    struct stat status {};
    const bool exists = ::lstat(target_.c_str(), &status) == 0;
    if (!exists && errno != ENOENT) throw errno_error(name_);
    if (exists) {
      const RootedTree tree(open_file(target_, O_RDONLY | O_DIRECTORY | O_NOFOLLOW), name_);
      if (!tree.is_empty(tree.root(), "")) {
        throw Error(ErrorKind::failed, name_ + " is not empty",
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
  /// Where the kernel says that it is: ".." after a link is above what it leads to. Only the last
  /// name need not be there.
  static fs::path resolve(const fs::path& directory) {
    std::string text = directory.native();
    while (text.size() > 1 && text.ends_with('/')) text.pop_back();
    const fs::path path(text);
    const fs::path last = path.filename();
    if (last.empty() || last == "." || last == "..") return canonical(path);
    return canonical(path.has_parent_path() ? path.parent_path() : ".") / last;
  }

  static fs::path canonical(const fs::path& path) {
    std::error_code error;
    fs::path found = fs::canonical(path, error);
    errno = error.value();
    if (error) throw errno_error(printable(path.native()));
    return found;
  }

  static bool same_file(const struct stat& a, const struct stat& b) {
    return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
  }

  static bool same_file(const fs::path& a, const fs::path& b) {
    struct stat first {};
    struct stat second {};
    return ::stat(a.c_str(), &first) == 0 && ::stat(b.c_str(), &second) == 0 &&
           same_file(first, second);
  }

  /// Whether what is open is what has the name now.
  bool is_at_its_place() const {
    struct stat opened {};
    struct stat named {};
    if (::fstat(root_.get(), &opened) != 0) throw errno_error(printable(place_.native()));
    return ::lstat(place_.c_str(), &named) == 0 && same_file(opened, named);
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
      make_accessible();
      root_ = open_file(place_, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
      if (::flock(root_.get(), LOCK_EX | LOCK_NB) != 0) {
        done_ = true;  // it is another's
        throw Error(ErrorKind::unavailable,
                    fmt::format("another process unpacks into {}", printable(target_.native())));
      }
      // Before it was locked, whoever had it may have finished, and renamed it to its place.
    } while (!is_at_its_place());
    // Nobody is to look into it, or change it, before all is there.
    if (::fchmod(root_.get(), 0700) != 0) throw errno_error(name);
    clear();
  }

  /// A run that was killed at its end may have given it the image's mode.
  void make_accessible() const {
    struct stat status {};
    if (::lstat(place_.c_str(), &status) == 0 && S_ISDIR(status.st_mode) &&
        status.st_uid == ::geteuid() && (status.st_mode & 0700) != 0700) {
      ::chmod(place_.c_str(), 0700);
    }
  }

  void clear() {
    const RootedTree tree(Fd(::fcntl(root_.get(), F_DUPFD_CLOEXEC, 0)), printable(place_.native()));
    tree.clear(tree.root(), "");
  }

  const std::string name_;
  const fs::path target_;
  fs::path place_;
  Fd root_;
  bool direct_ = false;
  bool done_ = false;
};

}  // namespace

Unpacked unpack_image(const Call& call, const ImageLayers& image, const fs::path& directory,
                      const UnpackImageOptions& options) {
  Destination destination(directory);
  const RootedTree tree(Fd(::fcntl(destination.root(), F_DUPFD_CLOEXEC, 0)),
                        printable(directory.native()));
  UnpackOptions unpack;
  unpack.privileged = ::geteuid() == 0;
  if (options.max_size != 0) unpack.max_bytes = options.max_size;
  unpack.stop = call.stop;
  LayerReading reading = options.reading;
  reading.max_bytes = unpack.max_bytes + tar_overhead_limit;
  Unpacker unpacker(tree, unpack);
  read_layers(call, image, LayerOrder::bottom_up, reading, [&](std::size_t layer) -> TarHandler& {
    unpacker.begin_layer(layer_name(image, layer));
    return unpacker;
  });
  unpacker.finish();
  destination.commit();
  return {image.name, unpacker.shortfalls()};
}

}  // namespace davit::oci
