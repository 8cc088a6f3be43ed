#include "oci/base/partial_file.hpp"

#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "oci/base/error.hpp"

namespace davit::oci {
namespace {

namespace fs = std::filesystem;

fs::path marks_of(const fs::path& name) { return name.native() + ".marks"; }

/// The marks' file, locked; none while another process has it. Whoever had it before may have
/// removed or renamed it just when it was opened here.
Fd lock_marks(const fs::path& path) {
  while (true) {
    Fd fd = open_file(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK);
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK) return {};
      if (errno != EINTR) throw errno_error(printable(path.native()));
      continue;
    }
    struct stat ours {};
    struct stat named {};
    if (::fstat(fd.get(), &ours) != 0) throw errno_error(printable(path.native()));
    if (::lstat(path.c_str(), &named) == 0 && ours.st_ino == named.st_ino) return fd;
  }
}

/// Of a fixed size for every plan, and no other plan's.
std::string header_for(std::string_view plan) { return fmt::format("davit parts 1\n{}\n", plan); }

}  // namespace

std::unique_ptr<PartialFile> PartialFile::open(fs::path name, std::string_view plan,
                                               std::size_t parts,
                                               std::optional<std::uint64_t> volume_size) {
  Fd marks = lock_marks(marks_of(name));
  if (!marks) return nullptr;
  std::unique_ptr<PartialFile> file(
      new PartialFile(std::move(name), std::move(marks), volume_size));
  file->read_marks(header_for(plan), parts);
  return file;
}

PartialFile::PartialFile(fs::path name, Fd marks_file, std::optional<std::uint64_t> volume_size)
    : name_(printable(name.native())),
      marks_path_(marks_of(name)),
      marks_file_(std::move(marks_file)),
      data_(Volumes::write(std::move(name), volume_size)) {}

void PartialFile::read_marks(const std::string& header, std::size_t parts) {
  header_size_ = header.size();
  marks_.assign(parts, 0);
  const std::uint64_t size = header.size() + parts * sizeof(std::uint64_t);
  struct stat status {};
  if (::fstat(marks_file_.get(), &status) != 0) throw errno_error(name_);
  if (static_cast<std::uint64_t>(status.st_size) == size) {
    StringSink text(size, name_);
    send_file(marks_file_.get(), 0, size, text, name_);
    if (text.text().starts_with(header)) {
      std::memcpy(marks_.data(), text.text().data() + header.size(), size - header.size());
      return;
    }
  }
  // The header comes last: without it the marks mean nothing.
  clear_marks();
  data_->remove();
  if (::ftruncate(marks_file_.get(), static_cast<off_t>(size)) != 0) throw errno_error(name_);
  write_all_at(marks_file_.get(), bytes_of(header), 0, name_);
}

PartialFile::~PartialFile() {
  const auto none = [](std::uint64_t bytes) { return bytes == 0; };
  if (committed_ || !std::all_of(marks_.begin(), marks_.end(), none)) return;
  try {
    discard();
  } catch (const Error&) {
    // The next writer finds it without marks, and drops it.
  }
}

void PartialFile::mark(std::size_t part, std::uint64_t bytes) {
  marks_[part] = bytes;
  const std::array value{bytes};
  write_all_at(marks_file_.get(), std::as_bytes(std::span(value)),
               header_size_ + part * sizeof(std::uint64_t), name_);
}

// In both, the marks are locked until the last step.

void PartialFile::commit(const fs::path& name, std::uint64_t size) {
  // This can take minutes on a slow disk. Whoever is killed meanwhile still finds the marks.
  data_->seal(size);
  clear_marks();
  data_->rename(name);
  committed_ = true;
  ::unlink(marks_path_.c_str());
}

void PartialFile::discard() {
  clear_marks();
  data_->remove();
  ::unlink(marks_path_.c_str());
}

void PartialFile::clear_marks() const {
  if (::ftruncate(marks_file_.get(), 0) != 0) throw errno_error(name_);
}

}  // namespace davit::oci
