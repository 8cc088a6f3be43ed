#include "oci/base/volumes.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <limits>

#include "oci/base/error.hpp"

namespace davit::oci {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t one_file = std::numeric_limits<std::uint64_t>::max();

/// Three digits, so that they are in order wherever names are sorted.
constexpr std::size_t volume_limit = 999;

/// How many are open at a time: as many as are written at once by the usual number of jobs.
constexpr std::size_t open_limit = 8;

fs::path numbered(const fs::path& name, std::size_t number) {
  return fs::path(name.native() + fmt::format(".{:03}", number + 1));
}

bool is_there(const fs::path& path) {
  std::error_code ignored;  // What is wrong with it shows when it is opened.
  return fs::exists(path, ignored);
}

std::uint64_t size_of(const Fd& fd, std::string_view what) {
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) throw errno_error(what);
  if (!S_ISREG(status.st_mode)) {
    throw Error(ErrorKind::failed, fmt::format("{} is not a regular file", what),
                S_ISDIR(status.st_mode) ? Advice::name_layout : Advice::none);
  }
  return static_cast<std::uint64_t>(status.st_size);
}

void remove_file(const fs::path& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) throw errno_error(printable(path.native()));
}

void move_file(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) throw errno_error(printable(to.native()));
}

void make_durable(int fd, const fs::path& path) {
  if (::fsync(fd) != 0 && errno != EINVAL) throw errno_error(printable(path.native()));
}

}  // namespace

Volumes::Volumes(Fd file) : volume_size_(one_file), count_(1) {
  open_.push_back({0, std::make_shared<const Fd>(std::move(file))});
}

std::unique_ptr<Volumes> Volumes::open(const fs::path& name) {
  // Opened without waiting, for a fifo would do so forever.
  constexpr int flags = O_RDONLY | O_NONBLOCK;
  fs::path base = name;
  if (name.extension() == ".001") base.replace_extension();
  if ((base == name && is_there(name)) || !is_there(numbered(base, 0))) {
    return std::make_unique<Volumes>(open_file(name, flags));
  }
  std::size_t count = volume_limit;
  while (!is_there(numbered(base, count - 1))) --count;
  std::uint64_t first = 0;
  std::uint64_t sum = 0;
  for (std::size_t number = 0; number < count; ++number) {
    const fs::path volume = numbered(base, number);
    const std::string what = printable(volume.native());
    if (!is_there(volume)) throw Error(ErrorKind::not_found, what + " is missing");
    const std::uint64_t size = size_of(open_file(volume, flags), what);
    if (number == 0) first = size;
    if (number + 1 < count ? size != first : size > first) {
      throw Error(ErrorKind::corrupt,
                  fmt::format("{} has {} bytes, and the first volume has {}", what, size, first));
    }
    sum += size;
  }
  std::unique_ptr<Volumes> volumes(new Volumes(count > 1 ? first : one_file));
  volumes->name_ = count > 1 ? base : numbered(base, 0);
  volumes->flags_ = flags;
  volumes->count_ = count;
  volumes->size_ = sum;
  volumes->last_volume_ = printable(numbered(base, count - 1).native());
  return volumes;
}

std::unique_ptr<Volumes> Volumes::write(fs::path name, std::optional<std::uint64_t> volume_size) {
  std::unique_ptr<Volumes> volumes(new Volumes(volume_size.value_or(one_file)));
  volumes->name_ = std::move(name);
  volumes->flags_ = O_RDWR | O_CREAT | O_NOFOLLOW;
  return volumes;
}

fs::path Volumes::path(const fs::path& name, std::size_t number) const {
  return volume_size_ == one_file ? name : numbered(name, number);
}

std::shared_ptr<const Fd> Volumes::open_volume(std::size_t number) const {
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(open_.begin(), open_.end(),
                                  [&](const Open& open) { return open.number == number; });
  if (found != open_.end()) return found->file;
  const bool writing = (flags_ & O_CREAT) != 0;
  if (!writing && number >= count_) {
    throw Error(ErrorKind::corrupt, "a volume is missing at the end");
  }
  if (number >= volume_limit) {
    throw Error(
        ErrorKind::refused,
        fmt::format("{} would be more than {} volumes", printable(name_.native()), volume_limit),
        "let them be larger");
  }
  auto file = std::make_shared<const Fd>(open_file(path(name_, number), flags_));
  count_ = std::max(count_, number + 1);
  // Whoever reads or writes one that is let go here holds it until it is done.
  if (open_.size() == open_limit) open_.pop_front();
  open_.push_back({number, file});
  return file;
}

std::uint64_t Volumes::size(std::string_view what) const {
  return size_ ? *size_ : size_of(*open_volume(0), what);
}

/// Calls action(fd, offset in that file, size) for what lies in each.
template <class Action>
void Volumes::each_piece(std::uint64_t offset, std::uint64_t size, const Action& action) const {
  while (size > 0) {
    const std::uint64_t within = offset % volume_size_;
    const std::uint64_t n = std::min(size, volume_size_ - within);
    const std::shared_ptr<const Fd> file = open_volume(offset / volume_size_);
    action(file->get(), within, n);
    offset += n;
    size -= n;
  }
}

void Volumes::send(std::uint64_t offset, std::uint64_t size, Sink& sink,
                   std::string_view what) const {
  each_piece(offset, size,
             [&](int fd, std::uint64_t at, std::uint64_t n) { send_file(fd, at, n, sink, what); });
}

void Volumes::write_at(std::uint64_t offset, Bytes bytes, std::string_view what) {
  each_piece(offset, bytes.size(), [&](int fd, std::uint64_t at, std::uint64_t n) {
    write_all_at(fd, bytes.first(n), at, what);
    bytes = bytes.subspan(n);
  });
}

void Volumes::seal(std::uint64_t size) {
  const std::size_t count = size == 0 ? 1 : (size - 1) / volume_size_ + 1;
  for (std::size_t number = 0; number < count; ++number) {
    const std::uint64_t length = std::min(size - number * volume_size_, volume_size_);
    const fs::path file = path(name_, number);
    const std::shared_ptr<const Fd> volume = open_volume(number);
    if (::ftruncate(volume->get(), static_cast<off_t>(length)) != 0) {
      throw errno_error(printable(file.native()));
    }
    make_durable(volume->get(), file);
  }
  while (count_ > count) remove_file(path(name_, --count_));
}

void Volumes::rename(const fs::path& name) {
  if (volume_size_ != one_file) {
    remove_file(name);
    for (std::size_t number = 0; is_there(numbered(name, number)); ++number) {
      remove_file(numbered(name, number));
    }
  }
  for (std::size_t number = count_; number-- > 0;) {
    move_file(path(name_, number), path(name, number));
  }
  const fs::path parent = name.parent_path();
  make_durable(open_file(parent.empty() ? "." : parent, O_RDONLY | O_DIRECTORY).get(), parent);
}

void Volumes::remove() {
  open_.clear();
  count_ = 0;
  if (volume_size_ == one_file) return remove_file(name_);
  for (std::size_t number = 0; number < volume_limit; ++number)
    remove_file(numbered(name_, number));
}

}  // namespace davit::oci
