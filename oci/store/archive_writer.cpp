#include "oci/store/archive_writer.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstring>
#include <exception>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "oci/base/file.hpp"
#include "oci/layer/tar_header.hpp"
#include "oci/layer/ustar.hpp"
#include "oci/store/docker_manifest.hpp"
#include "oci/store/layout_index.hpp"

namespace davit::oci {
namespace {

namespace fs = std::filesystem;

std::string path_of(const Digest& digest) {
  return fmt::format("blobs/{}/{}", digest.algorithm_name(), digest.hex());
}

constexpr std::array<std::byte, tar_block_size> zeros{};

/// Sizes are what documents say, so they may be anything up to here; no two of them overflow.
constexpr std::uint64_t largest_archive = std::uint64_t{1} << 62;

std::string header_of(const std::string& path, std::uint64_t size) {
  std::string header;
  append_tar_header({.path = path, .mode = 0644, .size = size}, header);
  return header;
}

/// The store's name for a place where it can be written: what is there is replaced as a whole, so
/// it had better be an archive.
std::string checked_name(const fs::path& file, ArchiveFormat format) {
  const char* kind = format == ArchiveFormat::docker ? "docker" : "oci";
  std::string name = fmt::format("{}-archive:{}", kind, printable(file.native()));
  std::error_code ignored;  // What is wrong beyond this shows when it is written.
  const fs::file_type type = fs::status(file, ignored).type();
  if (type != fs::file_type::regular && type != fs::file_type::not_found) {
    throw Error(
        ErrorKind::failed, name + " is not a regular file",
        type == fs::file_type::directory ? "a layout in a directory is named oci:DIRECTORY" : "");
  }
  return name;
}

/// A member's place: from the first block of its header to the last of its data.
struct Region {
  enum class State {
    kept,      ///< a place for a blob that is expected, or whose push failed
    writing,   ///< being pushed
    complete,  ///< there
  };

  std::uint64_t start = 0;
  std::uint64_t header_size = 0;
  std::uint64_t size = 0;
  State state = State::kept;

  std::uint64_t data() const { return start + header_size; }
  std::uint64_t end() const { return data() + size + tar_padding(size); }
};

class ArchiveWriter final : public LayoutFiles {
 public:
  ArchiveWriter(const fs::path& file, ArchiveFormat format)
      : name_(checked_name(file, format)), format_(format), file_(file) {}

  std::string name() const override { return name_; }
  std::optional<std::uint64_t> blob_size(const Digest& digest) override;
  void read_blob(const Digest& digest, Sink& into) override;
  void write_blob(const Digest& digest, std::uint64_t size, const Content& content) override;
  void add_blob(const Content& content, const std::function<Descriptor()>& described) override;
  std::string index() override;
  void edit_index(const std::function<std::string(const std::string&)>& edit) override;
  void expect(std::span<const Descriptor> content) override;
  void commit() override;

 private:
  using Lock = std::unique_lock<std::mutex>;

  void check_open() const;
  void keep_place(const Digest& digest, std::uint64_t size);
  bool begin(Lock& lock, const Digest& digest, std::uint64_t size, Region& region);
  void set_state(const Digest& digest, Region::State state);
  std::uint64_t write_data(std::uint64_t offset, const Content& content);
  void append_file(const std::string& path, std::string_view text);
  std::string document(const Descriptor& descriptor);
  void close_gaps();
  void put(std::uint64_t offset, Bytes bytes) { write_all_at(file_.fd(), bytes, offset, name_); }

  const std::string name_;
  const ArchiveFormat format_;
  AtomicFile file_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<Digest, Region> regions_;
  std::string index_ = new_layout_index();
  std::uint64_t end_ = 0;
  bool adding_ = false;  // The end of the file belongs to an add.
  bool committed_ = false;
};

std::optional<std::uint64_t> ArchiveWriter::blob_size(const Digest& digest) {
  const Lock lock(mutex_);
  const auto found = regions_.find(digest);
  if (found == regions_.end() || found->second.state != Region::State::complete) {
    return std::nullopt;
  }
  return found->second.size;
}

void ArchiveWriter::read_blob(const Digest& digest, Sink& into) {
  Region region;
  {
    const Lock lock(mutex_);
    if (const auto found = regions_.find(digest); found != regions_.end()) region = found->second;
  }
  if (region.state != Region::State::complete) {
    throw Error(ErrorKind::not_found, digest.str() + " is not there");
  }
  send_file(file_.fd(), region.data(), region.size, into, digest.str());
}

void ArchiveWriter::write_blob(const Digest& digest, std::uint64_t size, const Content& content) {
  Region region;
  {
    Lock lock(mutex_);
    if (!begin(lock, digest, size, region)) return;
  }
  try {
    write_data(region.data(), content);
    put(region.start, bytes_of(header_of(path_of(digest), size)));
  } catch (...) {
    set_state(digest, Region::State::kept);
    throw;
  }
  set_state(digest, Region::State::complete);
}

/// Takes the place of a blob for its writer; false if another has completed it.
bool ArchiveWriter::begin(Lock& lock, const Digest& digest, std::uint64_t size, Region& region) {
  while (true) {
    check_open();
    const auto found = regions_.find(digest);
    if (found != regions_.end() && found->second.state == Region::State::complete) return false;
    if (found != regions_.end() && found->second.state == Region::State::kept) {
      if (found->second.size == size) break;
      regions_.erase(found);  // Expected with another size; the place stays a gap.
      continue;
    }
    if (found == regions_.end() && !adding_) {
      keep_place(digest, size);
      break;
    }
    changed_.wait(lock);
  }
  Region& taken = regions_.at(digest);
  taken.state = Region::State::writing;
  region = taken;
  return true;
}

void ArchiveWriter::keep_place(const Digest& digest, std::uint64_t size) {
  Region region{
      .start = end_, .header_size = header_of(path_of(digest), size).size(), .size = size};
  if (region.end() > largest_archive) {
    throw Error(ErrorKind::corrupt, fmt::format("{}: no file has room for {} bytes", name_, size));
  }
  end_ = region.end();
  regions_[digest] = region;
}

void ArchiveWriter::set_state(const Digest& digest, Region::State state) {
  const Lock lock(mutex_);
  regions_.at(digest).state = state;
  changed_.notify_all();
}

/// Writes data and what fills up its last block; returns the size of the data.
std::uint64_t ArchiveWriter::write_data(std::uint64_t offset, const Content& content) {
  std::uint64_t size = 0;
  FunctionSink sink([&](Bytes bytes) {
    put(offset + size, bytes);
    size += bytes.size();
  });
  content(sink);
  put(offset + size, Bytes(zeros).first(tar_padding(size)));
  return size;
}

void ArchiveWriter::add_blob(const Content& content, const std::function<Descriptor()>& described) {
  Region region{.header_size = tar_block_size, .state = Region::State::complete};
  {
    Lock lock(mutex_);
    changed_.wait(lock, [&] { return !adding_; });
    check_open();
    adding_ = true;
    region.start = end_;
  }
  Digest digest;
  std::exception_ptr failure;
  try {
    region.size = write_data(region.data(), content);
    digest = described().digest;
    put(region.start, bytes_of(one_block_header(path_of(digest), region.size)));
  } catch (...) {
    failure = std::current_exception();
  }
  Lock lock(mutex_);
  // Others wait with what is unexpected until the end of the file is known; nobody who is asked
  // to wait here needs it.
  changed_.wait(lock, [&] {
    const auto same = regions_.find(digest);
    return same == regions_.end() || same->second.state != Region::State::writing;
  });
  adding_ = false;
  changed_.notify_all();
  if (failure) std::rethrow_exception(failure);
  Region& stored = regions_[digest];
  if (stored.state == Region::State::complete) return;
  stored = region;
  end_ = region.end();
}

std::string ArchiveWriter::index() {
  const Lock lock(mutex_);
  return index_;
}

void ArchiveWriter::edit_index(const std::function<std::string(const std::string&)>& edit) {
  const Lock lock(mutex_);
  check_open();
  index_ = edit(index_);
}

void ArchiveWriter::expect(std::span<const Descriptor> content) {
  Lock lock(mutex_);
  changed_.wait(lock, [&] { return !adding_; });
  check_open();
  for (const Descriptor& blob : content) {
    if (!regions_.contains(blob.digest)) keep_place(blob.digest, blob.size);
  }
}

void ArchiveWriter::commit() {
  const Lock lock(mutex_);
  if (committed_) return;
  close_gaps();
  append_file("oci-layout", layout_version_text);
  append_file("index.json", index_);
  if (format_ == ArchiveFormat::docker) {
    append_file("manifest.json",
                docker_manifest(parse_layout_index(index_, name_),
                                [this](const Descriptor& one) { return document(one); }));
  }
  put(end_, Bytes(zeros));
  put(end_ + zeros.size(), Bytes(zeros));
  end_ += 2 * zeros.size();
  if (::ftruncate(file_.fd(), static_cast<off_t>(end_)) != 0) throw errno_error(name_);
  file_.commit();
  committed_ = true;
}

/// Moves blobs down to where nothing is: the places of blobs that never came, which is rare.
void ArchiveWriter::close_gaps() {
  std::erase_if(regions_,
                [](const auto& entry) { return entry.second.state != Region::State::complete; });
  std::vector<Region*> in_order;
  for (auto& [digest, region] : regions_) in_order.push_back(&region);
  std::sort(in_order.begin(), in_order.end(),
            [](const Region* a, const Region* b) { return a->start < b->start; });
  end_ = 0;
  for (Region* region : in_order) {
    if (region->start != end_) {
      std::uint64_t to = end_;
      FunctionSink sink([&](Bytes bytes) {
        put(to, bytes);
        to += bytes.size();
      });
      send_file(file_.fd(), region->start, region->end() - region->start, sink, name_);
      region->start = end_;
    }
    end_ = region->end();
  }
}

/// While the lock is held.
std::string ArchiveWriter::document(const Descriptor& descriptor) {
  const auto found = regions_.find(descriptor.digest);
  if (found == regions_.end()) {
    throw Error(ErrorKind::not_found,
                fmt::format("{}: {} is not there", name_, descriptor.digest.str()));
  }
  return collect(
      [&](Sink& sink) {
        send_file(file_.fd(), found->second.data(), found->second.size, sink, name_);
      },
      document_limit, descriptor.digest.str());
}

void ArchiveWriter::append_file(const std::string& path, std::string_view text) {
  std::string member = header_of(path, text.size());
  member += text;
  member.append(tar_padding(text.size()), '\0');
  put(end_, bytes_of(member));
  end_ += member.size();
}

void ArchiveWriter::check_open() const {
  if (committed_) throw Error(ErrorKind::refused, name_ + " is complete and cannot be changed");
}

}  // namespace

std::string one_block_header(const std::string& path, std::uint64_t size) {
  constexpr std::uint64_t ustar_limit = std::uint64_t{1} << 33;
  std::string header = header_of(path, size < ustar_limit ? size : 0);
  if (size < ustar_limit) return header;
  UstarHeader fields;
  std::memcpy(&fields, header.data(), sizeof fields);
  // The first bit marks base-256; the bytes after it are the number, the highest first.
  fields.size.fill('\0');
  fields.size.front() = '\x80';
  for (auto digit = fields.size.rbegin(); size > 0; size >>= 8, ++digit) {
    *digit = static_cast<char>(size & 0xff);
  }
  const std::string sum = fmt::format("{:06o}", ustar_checksum<unsigned char>(fields));
  std::copy(sum.begin(), sum.end(), fields.checksum.begin());
  fields.checksum[6] = '\0';
  fields.checksum[7] = ' ';
  std::memcpy(header.data(), &fields, sizeof fields);
  return header;
}

std::unique_ptr<LayoutFiles> write_archive(const std::filesystem::path& file,
                                           ArchiveFormat format) {
  return std::make_unique<ArchiveWriter>(file, format);
}

}  // namespace davit::oci
