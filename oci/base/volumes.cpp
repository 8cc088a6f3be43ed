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

Volumes::Volumes(Fd file) : volume_size_(one_file) { files_.push_back(std::move(file)); }

std::unique_ptr<Volumes> Volumes::open(const fs::path& name) {
  // Opened without waiting, for a fifo would do so forever.
  constexpr int flags = O_RDONLY | O_NONBLOCK;
  fs::path base = name;
  if (name.extension() == ".001") base.replace_extension();
  if ((base == name && is_there(name)) || !is_there(numbered(base, 0))) {
    return std::make_unique<Volumes>(open_file(name, flags));
  }
  std::unique_ptr<Volumes> volumes(new Volumes(one_file));
  while (volumes->files_.size() < volume_limit &&
         is_there(numbered(base, volumes->files_.size()))) {
    volumes->files_.push_back(open_file(numbered(base, volumes->files_.size()), flags));
  }
  const fs::path next = numbered(base, volumes->files_.size());
  const std::string what = printable(next.native());
  const std::uint64_t first = size_of(volumes->files_.front(), what);
  for (const Fd& file : volumes->files_) {
    const bool last = &file == &volumes->files_.back();
    if (const std::uint64_t size = size_of(file, what); last ? size > first : size != first) {
      throw Error(ErrorKind::corrupt, fmt::format("the volumes of {} are not of the same size",
                                                  printable(base.native())));
    }
  }
  if (is_there(numbered(base, volumes->files_.size() + 1))) {
    throw Error(ErrorKind::not_found, what + " is missing");
  }
  if (volumes->files_.size() > 1) volumes->volume_size_ = first;
  volumes->last_volume_ = printable(numbered(base, volumes->files_.size() - 1).native());
  return volumes;
}

std::unique_ptr<Volumes> Volumes::write(fs::path name, std::optional<std::uint64_t> volume_size) {
  std::unique_ptr<Volumes> volumes(new Volumes(volume_size.value_or(one_file)));
  volumes->name_ = std::move(name);
  return volumes;
}

fs::path Volumes::path(const fs::path& name, std::size_t number) const {
  return volume_size_ == one_file ? name : numbered(name, number);
}

int Volumes::fd(std::size_t number) const {
  const std::lock_guard lock(mutex_);
  if (name_.empty()) {
    if (number < files_.size()) return files_[number].get();
    throw Error(ErrorKind::corrupt, "a volume is missing at the end");
  }
  if (number >= volume_limit) {
    throw Error(
        ErrorKind::refused,
        fmt::format("{} would be more than {} volumes", printable(name_.native()), volume_limit),
        "let them be larger");
  }
  if (files_.size() <= number) files_.resize(number + 1);
  if (!files_[number])
    files_[number] = open_file(path(name_, number), O_RDWR | O_CREAT | O_NOFOLLOW);
  return files_[number].get();
}

std::uint64_t Volumes::size(std::string_view what) const {
  std::uint64_t sum = 0;
  for (const Fd& file : files_) sum += size_of(file, what);
  return sum;
}

/// Calls action(fd, offset in that file, size) for what lies in each.
template <class Action>
void Volumes::each_piece(std::uint64_t offset, std::uint64_t size, const Action& action) const {
  while (size > 0) {
    const std::uint64_t within = offset % volume_size_;
    const std::uint64_t n = std::min(size, volume_size_ - within);
    action(fd(offset / volume_size_), within, n);
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

void Volumes::commit(const fs::path& name, std::uint64_t size) {
  const std::size_t count = size == 0 ? 1 : (size - 1) / volume_size_ + 1;
  for (std::size_t number = 0; number < count; ++number) {
    const std::uint64_t length = std::min(size - number * volume_size_, volume_size_);
    const fs::path file = path(name_, number);
    if (::ftruncate(fd(number), static_cast<off_t>(length)) != 0) {
      throw errno_error(printable(file.native()));
    }
    make_durable(fd(number), file);
  }
  while (files_.size() > count) {
    files_.pop_back();
    remove_file(path(name_, files_.size()));
  }
  if (volume_size_ != one_file) {
    remove_file(name);
    for (std::size_t number = 0; is_there(numbered(name, number)); ++number) {
      remove_file(numbered(name, number));
    }
  }
  for (std::size_t number = count; number-- > 0;)
    move_file(path(name_, number), path(name, number));
  const fs::path parent = name.parent_path();
  make_durable(open_file(parent.empty() ? "." : parent, O_RDONLY | O_DIRECTORY).get(), parent);
}

void Volumes::remove() {
  files_.clear();
  if (volume_size_ == one_file) return remove_file(name_);
  for (std::size_t number = 0; number < volume_limit; ++number)
    remove_file(numbered(name_, number));
}

}  // namespace davit::oci
