#include "oci/store/archive_writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <exception>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "oci/layer/ustar.hpp"
#include "oci/store/archive_header.hpp"
#include "oci/store/archive_output.hpp"
#include "oci/store/assembly.hpp"
#include "oci/store/docker_manifest.hpp"
#include "oci/store/layout_index.hpp"

namespace davit::oci {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::byte, tar_block_size> zeros{};

/// Sizes are what documents say, so they may be anything up to here; no two of them overflow.
constexpr std::uint64_t largest_archive = std::uint64_t{1} << 62;

/// The store's name for a place where it can be written: what is there is replaced as a whole, so
/// it had better be an archive.
std::string checked_name(const fs::path& file, ArchiveFormat format) {
  const char* kind = format == ArchiveFormat::docker ? "docker" : "oci";
  std::string name = fmt::format("{}-archive:{}", kind, printable(file.native()));
  std::error_code ignored;  // What is wrong beyond this shows when it is written.
  const fs::file_type type = fs::status(file, ignored).type();
  if (type != fs::file_type::regular && type != fs::file_type::not_found) {
    throw Error(ErrorKind::failed, name + " is not a regular file",
                type == fs::file_type::directory ? Advice::name_layout : Advice::none);
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
  std::optional<std::size_t> first_part = std::nullopt;  ///< where the output keeps its parts

  std::uint64_t data() const { return start + header_size; }
  std::uint64_t end() const { return data() + size + tar_padding(size); }
};

class ArchiveWriter final : public LayoutFiles {
 public:
  ArchiveWriter(const fs::path& file, ArchiveFormat format,
                std::optional<std::uint64_t> volume_size)
      : name_(checked_name(file, format)), format_(format), output_(file, volume_size) {}

  std::string name() const override { return name_; }
  std::optional<std::uint64_t> blob_size(const Digest& digest) override;
  bool has(const Call&, const Digest& digest, std::uint64_t size) override {
    return blob_size(digest) == size;
  }
  void read_blob(const Call& call, const Digest& digest, Sink& into) override;
  void write_blob(const Call& call, const Digest& digest, std::uint64_t size,
                  const Content& content) override;
  void add_blob(const Call& call, const Content& content,
                const std::function<Descriptor()>& described) override;
  std::unique_ptr<Assembly> assemble(const Call& call, const Descriptor& blob) override;
  std::string index() override;
  void edit_index(const Call& call,
                  const std::function<std::string(const std::string&)>& edit) override;
  void expect(const Call& call, std::span<const Descriptor> content) override;
  void commit(const Call& call) override;

 private:
  using Lock = std::unique_lock<std::mutex>;

  void check_open() const;
  Region& keep_place(const Digest& digest, std::uint64_t size);
  void begin_writing(std::span<const Descriptor> plan);
  bool begin(Lock& lock, const Digest& digest, std::uint64_t size, Region& region);
  void complete(const Digest& digest, const Region& region);
  void set_state(const Digest& digest, Region::State state);
  std::uint64_t write_data(const Call& call, std::uint64_t offset, const Content& content);
  void append_file(const std::string& path, std::string_view text);
  std::string document(const Call& call, const Descriptor& descriptor);
  void close_gaps();

  const std::string name_;
  const ArchiveFormat format_;
  ArchiveOutput output_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<Digest, Region> regions_;
  std::string index_ = new_layout_index();
  std::uint64_t end_ = 0;
  bool begun_ = false;
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

void ArchiveWriter::read_blob(const Call&, const Digest& digest, Sink& into) {
  Region region;
  {
    const Lock lock(mutex_);
    if (const auto found = regions_.find(digest); found != regions_.end()) region = found->second;
  }
  if (region.state != Region::State::complete) {
    throw Error(ErrorKind::not_found, digest.str() + " is not there");
  }
  output_.send(region.data(), region.size, into);
}

void ArchiveWriter::write_blob(const Call& call, const Digest& digest, std::uint64_t size,
                               const Content& content) {
  Region region;
  {
    Lock lock(mutex_);
    if (!begin(lock, digest, size, region)) return;
  }
  try {
    write_data(call, region.data(), content);
    if (region.first_part) mark_parts(*output_.partial(), *region.first_part, size);
    complete(digest, region);
  } catch (...) {
    set_state(digest, Region::State::kept);
    throw;
  }
}

/// The data is there.
void ArchiveWriter::complete(const Digest& digest, const Region& region) {
  const std::uint64_t end = region.data() + region.size;
  output_.write_at(end, Bytes(zeros).first(tar_padding(region.size)));
  output_.write_at(region.start, bytes_of(member_header(blob_path(digest), region.size)));
  set_state(digest, Region::State::complete);
}

std::unique_ptr<Assembly> ArchiveWriter::assemble(const Call&, const Descriptor& blob) {
  const Lock lock(mutex_);
  const auto found = regions_.find(blob.digest);
  if (found == regions_.end() || found->second.state != Region::State::kept ||
      found->second.size != blob.size || !found->second.first_part) {
    return nullptr;
  }
  Region& region = found->second;
  const auto& file = output_.partial();
  // What is a single part is as well written in one go.
  if (part_count(blob.size) == 1 && file->marked(*region.first_part) == 0) return nullptr;
  region.state = Region::State::writing;
  const auto store = [this, digest = blob.digest, region] { complete(digest, region); };
  const auto leave = [this, digest = blob.digest] { set_state(digest, Region::State::kept); };
  return std::make_unique<Assembly>(
      blob, Assembly::Place{file, region.data(), *region.first_part, store, leave});
}

/// Takes the place of a blob for its writer; false if another has completed it.
bool ArchiveWriter::begin(Lock& lock, const Digest& digest, std::uint64_t size, Region& region) {
  while (true) {
    check_open();
    begin_writing({});
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

Region& ArchiveWriter::keep_place(const Digest& digest, std::uint64_t size) {
  Region region{
      .start = end_, .header_size = member_header(blob_path(digest), size).size(), .size = size};
  if (region.end() > largest_archive) {
    throw Error(ErrorKind::corrupt, fmt::format("{}: no file has room for {} bytes", name_, size));
  }
  end_ = region.end();
  return regions_[digest] = region;
}

void ArchiveWriter::set_state(const Digest& digest, Region::State state) {
  const Lock lock(mutex_);
  regions_.at(digest).state = state;
  changed_.notify_all();
}

/// Returns the size of the data.
std::uint64_t ArchiveWriter::write_data(const Call& call, std::uint64_t offset,
                                        const Content& content) {
  std::uint64_t size = 0;
  FunctionSink sink([&](Bytes bytes) {
    output_.write_at(offset + size, bytes);
    size += bytes.size();
  });
  content(call, sink);
  return size;
}

void ArchiveWriter::add_blob(const Call& call, const Content& content,
                             const std::function<Descriptor()>& described) {
  Region region{.header_size = tar_block_size, .state = Region::State::complete};
  {
    Lock lock(mutex_);
    changed_.wait(lock, [&] { return !adding_; });
    check_open();
    begin_writing({});
    adding_ = true;
    region.start = end_;
  }
  Digest digest;
  std::exception_ptr failure;
  try {
    region.size = write_data(call, region.data(), content);
    output_.write_at(region.data() + region.size, Bytes(zeros).first(tar_padding(region.size)));
    digest = described().digest;
    output_.write_at(region.start, bytes_of(one_block_header(blob_path(digest), region.size)));
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

void ArchiveWriter::edit_index(const Call&,
                               const std::function<std::string(const std::string&)>& edit) {
  const Lock lock(mutex_);
  check_open();
  index_ = edit(index_);
}

void ArchiveWriter::expect(const Call&, std::span<const Descriptor> content) {
  Lock lock(mutex_);
  changed_.wait(lock, [&] { return !adding_; });
  check_open();
  const bool first = !begun_;
  begin_writing(content);
  std::size_t part = 0;
  for (const Descriptor& blob : content) {
    if (regions_.contains(blob.digest)) continue;
    Region& region = keep_place(blob.digest, blob.size);
    if (first && output_.partial() != nullptr) region.first_part = part;
    part += part_count(blob.size);
  }
}

/// Before the first byte, while the lock is held.
void ArchiveWriter::begin_writing(std::span<const Descriptor> plan) {
  if (!std::exchange(begun_, true)) output_.plan(plan);
}

void ArchiveWriter::commit(const Call& call) {
  const Lock lock(mutex_);
  if (committed_) return;
  begin_writing({});
  close_gaps();
  append_file("oci-layout", layout_version_text);
  append_file("index.json", index_);
  if (format_ == ArchiveFormat::docker) {
    append_file("manifest.json",
                docker_manifest(parse_layout_index(index_, name_),
                                [&](const Descriptor& one) { return document(call, one); }));
  }
  output_.write_at(end_, Bytes(zeros));
  output_.write_at(end_ + zeros.size(), Bytes(zeros));
  end_ += 2 * zeros.size();
  output_.commit(end_);
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
        output_.write_at(to, bytes);
        to += bytes.size();
      });
      output_.send(region->start, region->end() - region->start, sink);
      region->start = end_;
    }
    end_ = region->end();
  }
}

/// While the lock is held.
std::string ArchiveWriter::document(const Call& call, const Descriptor& descriptor) {
  const auto found = regions_.find(descriptor.digest);
  if (found == regions_.end()) {
    throw Error(ErrorKind::not_found,
                fmt::format("{}: {} is not there", name_, descriptor.digest.str()));
  }
  return collect(
      call,
      [&](const Call&, Sink& sink) {
        output_.send(found->second.data(), found->second.size, sink);
      },
      document_limit, descriptor.digest.str());
}

void ArchiveWriter::append_file(const std::string& path, std::string_view text) {
  std::string member = member_header(path, text.size());
  member += text;
  member.append(tar_padding(text.size()), '\0');
  output_.write_at(end_, bytes_of(member));
  end_ += member.size();
}

void ArchiveWriter::check_open() const {
  if (committed_) throw Error(ErrorKind::refused, name_ + " is complete and cannot be changed");
}

}  // namespace

std::unique_ptr<LayoutFiles> write_archive(const std::filesystem::path& file, ArchiveFormat format,
                                           std::optional<std::uint64_t> volume_size) {
  return std::make_unique<ArchiveWriter>(file, format, volume_size);
}

}  // namespace davit::oci
