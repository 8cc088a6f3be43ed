#include "oci/store/layout.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <mutex>
#include <set>
#include <utility>

#include "oci/base/atomic_file.hpp"
#include "oci/base/file_lock.hpp"
#include "oci/store/layout_index.hpp"

namespace davit::oci {
namespace {

namespace fs = std::filesystem;

constexpr const char* lock_file = ".davit.lock";

[[noreturn]] void fail(const std::error_code& code, std::string_view what) {
  errno = code.value();
  throw errno_error(what);
}

/// Removes the temporary files of writers that were killed, and the parts of blobs that nobody came
/// back for in a week. One that is at work writes to its own more often.
void remove_abandoned(const fs::path& directory) {
  const auto last_week = fs::file_time_type::clock::now() - std::chrono::hours(7 * 24);
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory, ignored)) {
    const std::string name = entry.path().filename().native();
    if (name.starts_with(".davit-") && entry.is_regular_file(ignored) &&
        entry.last_write_time(ignored) < last_week) {
      fs::remove(entry.path(), ignored);
    }
  }
}

class DirectoryFiles final : public LayoutFiles {
 public:
  DirectoryFiles(const Call& call, fs::path directory, OpenMode mode);

  std::string name() const override { return name_; }
  std::optional<std::uint64_t> blob_size(const Digest& digest) override;
  bool has(const Call& call, const Digest& digest, std::uint64_t size) override;
  void read_blob(const Call& call, const Digest& digest, Sink& into) override;
  void write_blob(const Call& call, const Digest& digest, std::uint64_t size,
                  const Content& content) override;
  void add_blob(const Call& call, const Content& content,
                const std::function<Descriptor()>& described) override;
  std::unique_ptr<Assembly> assemble(const Call& call, const Descriptor& blob) override;
  std::string index() override { return read_small("index.json"); }
  void edit_index(const Call& call,
                  const std::function<std::string(const std::string&)>& edit) override;
  void expect(const Call&, std::span<const Descriptor>) override {}
  void commit(const Call&) override {}

 private:
  struct File {
    Fd fd;
    std::uint64_t size;
  };

  void create(const Call& call);
  std::optional<File> open(const std::string& path) const;
  std::string read_small(const std::string& path) const;
  void replace(const fs::path& path, std::string_view text) const;
  void keep(AtomicFile& file, const Digest& digest);
  void remember(const Digest& digest);
  fs::path place_for(const Digest& digest) const;
  FileLock lock(const Call& call) const;

  const fs::path directory_;
  const std::string name_;
  Fd root_;
  std::mutex mutex_;
  std::set<Digest> sound_;  // blobs that this process wrote, or has verified
};

DirectoryFiles::DirectoryFiles(const Call& call, fs::path directory, OpenMode mode)
    : directory_(std::move(directory)),
      name_(fmt::format("oci:{}", printable(directory_.native()))) {
  std::error_code ignored;  // What is wrong beyond this shows when it is opened.
  const fs::file_type type = fs::status(directory_, ignored).type();
  if (type == fs::file_type::not_found && mode == OpenMode::create) {
    make_directories(directory_);
  } else if (type != fs::file_type::directory && type != fs::file_type::not_found) {
    throw Error(ErrorKind::failed, name_ + " is not a directory", Advice::name_archive);
  }
  root_ = open_file(directory_, O_RDONLY | O_DIRECTORY);
  if (mode == OpenMode::create) create(call);
  if (!open("oci-layout")) {
    throw Error(ErrorKind::corrupt, name_ + " is not an image layout: it has no file oci-layout");
  }
  check_layout_version(read_small("oci-layout"), name_);
}

/// Makes an empty layout where there is none; oci-layout is last, so that it is not seen half-made.
void DirectoryFiles::create(const Call& call) {
  if (open("oci-layout")) return remove_abandoned(directory_);
  // What is named so may be another process making the same layout at this moment.
  const auto is_ours = [](std::string_view name) {
    return name.starts_with(".davit") || name == "blobs" || name == "index.json" ||
           name == "oci-layout";
  };
  std::error_code failure;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory_, failure)) {
    const std::string name = entry.path().filename().native();
    if (is_ours(name)) continue;
    throw Error(
        ErrorKind::refused,
        fmt::format("{} is not an image layout and not empty: it has {}", name_, printable(name)),
        "name a directory that is empty or does not exist");
  }
  if (failure) fail(failure, name_);
  const FileLock held = lock(call);
  if (open("oci-layout")) return;
  make_directories(directory_ / "blobs" / "sha256");
  if (!open("index.json")) replace(directory_ / "index.json", new_layout_index());
  replace(directory_ / "oci-layout", layout_version_text);
}

/// A regular file of the layout. Opened without waiting, for a fifo would do so forever.
std::optional<DirectoryFiles::File> DirectoryFiles::open(const std::string& path) const {
  auto fd = open_beneath(root_.get(), path, O_RDONLY | O_NONBLOCK, name_);
  if (!fd) return std::nullopt;
  struct stat status {};
  if (::fstat(fd->get(), &status) != 0) throw errno_error(fmt::format("{}: {}", name_, path));
  if (!S_ISREG(status.st_mode)) {
    throw Error(ErrorKind::corrupt, fmt::format("{}: {} is not a regular file", name_, path));
  }
  return File{std::move(*fd), static_cast<std::uint64_t>(status.st_size)};
}

std::string DirectoryFiles::read_small(const std::string& path) const {
  const std::string what = fmt::format("{}: {}", name_, path);
  const auto file = open(path);
  if (!file) throw Error(ErrorKind::corrupt, what + " is missing");
  StringSink text(document_limit, what);
  send_file(file->fd.get(), 0, file->size, text, what);
  return std::move(text.text());
}

void DirectoryFiles::replace(const fs::path& path, std::string_view text) const {
  AtomicFile file = AtomicFile::in(directory_);
  file.write(bytes_of(text));
  file.commit_as(path);
}

std::optional<std::uint64_t> DirectoryFiles::blob_size(const Digest& digest) {
  const auto file = open(blob_path(digest));
  if (!file) return std::nullopt;
  return file->size;
}

bool DirectoryFiles::has(const Call& call, const Digest& digest, std::uint64_t size) {
  try {
    if (blob_size(digest) != size) return false;
    {
      const std::lock_guard lock(mutex_);
      if (sound_.contains(digest)) return true;
    }
    Hasher hasher(digest.algorithm());
    StoppingSink stopping(call, hasher);
    read_blob(call, digest, stopping);
    if (hasher.finish() != digest) return false;
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::corrupt || error.kind() == ErrorKind::not_found) return false;
    throw;
  }
  remember(digest);
  return true;
}

void DirectoryFiles::remember(const Digest& digest) {
  const std::lock_guard lock(mutex_);
  sound_.insert(digest);
}

void DirectoryFiles::read_blob(const Call&, const Digest& digest, Sink& into) {
  const auto file = open(blob_path(digest));
  if (!file) throw Error(ErrorKind::not_found, digest.str() + " is not there");
  send_file(file->fd.get(), 0, file->size, into, digest.str());
}

void DirectoryFiles::write_blob(const Call& call, const Digest& digest, std::uint64_t,
                                const Content& content) {
  // The temporary file is beside index.json: tools that list blobs never meet it.
  AtomicFile file = AtomicFile::in(directory_);
  content(call, file);
  keep(file, digest);
}

void DirectoryFiles::add_blob(const Call& call, const Content& content,
                              const std::function<Descriptor()>& described) {
  AtomicFile file = AtomicFile::in(directory_);
  content(call, file);
  keep(file, described().digest);
}

void DirectoryFiles::keep(AtomicFile& file, const Digest& digest) {
  file.commit_as(place_for(digest));
  remember(digest);
}

/// Where a blob is to be, in a directory that is there.
fs::path DirectoryFiles::place_for(const Digest& digest) const {
  const auto open_parent = [&] {
    return open_beneath(root_.get(), blob_directory(digest), O_RDONLY | O_DIRECTORY, name_);
  };
  if (!open_parent()) {
    make_directories(directory_ / blob_directory(digest));
    open_parent();  // Refuses a symbolic link on the way, through which rename would go.
  }
  return directory_ / blob_path(digest);
}

std::unique_ptr<Assembly> DirectoryFiles::assemble(const Call&, const Descriptor& blob) {
  // A blob of one part is fetched again from its beginning: keeping it would cost more than it
  // saves. A size larger than any disk comes from a damaged document.
  const std::size_t parts = part_count(blob.size);
  if (parts < 2 || parts > part_limit) return nullptr;
  const Digest digest = blob.digest;
  std::shared_ptr<PartialFile> file = PartialFile::open(
      directory_ / fmt::format(".davit-{}-{}.part", digest.algorithm_name(), digest.hex()),
      digest.str(), parts);
  if (!file) return nullptr;
  const auto store = [this, file, digest, size = blob.size] {
    file->commit(place_for(digest), size);
    remember(digest);
  };
  return std::make_unique<Assembly>(blob, Assembly::Place{file, 0, 0, store, {}});
}

FileLock DirectoryFiles::lock(const Call& call) const {
  open(lock_file);  // Refuses a symbolic link, which locking would follow.
  return FileLock(call, directory_ / lock_file);
}

void DirectoryFiles::edit_index(const Call& call,
                                const std::function<std::string(const std::string&)>& edit) {
  const FileLock held = lock(call);
  const std::string old = index();
  const std::string edited = edit(old);
  if (edited != old) replace(directory_ / "index.json", edited);
}

}  // namespace

std::unique_ptr<Store> open_layout(const Call& call, const std::filesystem::path& directory,
                                   OpenMode mode) {
  return make_layout_store(std::make_unique<DirectoryFiles>(call, directory, mode));
}

}  // namespace davit::oci
