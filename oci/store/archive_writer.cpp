#include "oci/store/archive_writer.hpp"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <utility>

#include "oci/base/monitor.hpp"
#include "oci/layer/ustar.hpp"
#include "oci/store/archive_header.hpp"
#include "oci/store/archive_output.hpp"
#include "oci/store/assembly.hpp"
#include "oci/store/docker_manifest.hpp"
#include "oci/store/layout_index.hpp"
#include "oci/store/regions.hpp"

namespace davit::oci {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::byte, tar_block_size> zeros{};

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

/// What threads that write an archive share.
struct Shared {
  Regions regions;
  std::string index = new_layout_index();
  bool begun = false;      ///< the output is written to, or will be, for a plan that is known
  bool appending = false;  ///< the end of the file belongs to a blob whose size is not known yet
  bool committed = false;
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
  using Held = Monitor<Shared>::Held;
  class EndOfFile;

  void check_open(Held& state) const;
  void begin_writing(Held& state, std::span<const Descriptor> plan);
  std::optional<Region> begin(const Call& call, const Digest& digest, std::uint64_t size);
  void complete(const Digest& digest, const Region& region);
  void set_state(const Digest& digest, Region::State to);
  std::uint64_t write_data(const Call& call, std::uint64_t offset, const Content& content);
  void close_gaps(const Call& call, Held& state);
  std::string document(const Call& call, Held& state, const Descriptor& descriptor) const;
  std::uint64_t write_file(std::uint64_t offset, const std::string& path, std::string_view text);

  const std::string name_;
  const ArchiveFormat format_;
  ArchiveOutput output_;
  Monitor<Shared> shared_;
};

std::optional<std::uint64_t> ArchiveWriter::blob_size(const Digest& digest) {
  auto state = shared_.hold();
  const Region* region = state->regions.find(digest);
  if (region == nullptr || region->state != Region::State::complete) return std::nullopt;
  return region->size;
}

void ArchiveWriter::read_blob(const Call&, const Digest& digest, Sink& into) {
  Region region;
  {
    auto state = shared_.hold();
    if (const Region* found = state->regions.find(digest)) region = *found;
  }
  if (region.state != Region::State::complete) {
    throw Error(ErrorKind::not_found, digest.str() + " is not there");
  }
  output_.send(region.data(), region.size, into);
}

void ArchiveWriter::write_blob(const Call& call, const Digest& digest, std::uint64_t size,
                               const Content& content) {
  const std::optional<Region> region = begin(call, digest, size);
  if (!region) return;
  try {
    write_data(call, region->data(), content);
    if (region->first_part) mark_parts(*output_.partial(), *region->first_part, size);
    complete(digest, *region);
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
  auto state = shared_.hold();
  Region* region = state->regions.find(blob.digest);
  if (region == nullptr || region->state != Region::State::kept || region->size != blob.size ||
      !region->first_part) {
    return nullptr;
  }
  const auto& file = output_.partial();
  // A blob of one part, of which nothing is there, comes in one go.
  if (part_count(blob.size) == 1 && file->marked(*region->first_part) == 0) return nullptr;
  region->state = Region::State::writing;
  const auto store = [this, digest = blob.digest, region = *region] { complete(digest, region); };
  const auto leave = [this, digest = blob.digest] { set_state(digest, Region::State::kept); };
  return std::make_unique<Assembly>(
      blob, Assembly::Place{file, region->data(), *region->first_part, store, leave});
}

/// Takes the place of a blob for its writer; nothing if another has completed it.
std::optional<Region> ArchiveWriter::begin(const Call& call, const Digest& digest,
                                           std::uint64_t size) {
  auto state = shared_.hold();
  while (true) {
    state.wait(call.stop, [&] {
      const Region* found = state->regions.find(digest);
      return found != nullptr ? found->state != Region::State::writing : !state->appending;
    });
    check_open(state);
    begin_writing(state, {});
    Region* region = state->regions.find(digest);
    if (region != nullptr && region->state == Region::State::complete) return std::nullopt;
    if (region != nullptr && region->size != size) {
      state->regions.drop(digest);  // It was expected with another size; the place stays a gap.
      continue;
    }
    if (region == nullptr) region = &state->regions.keep(digest, size);
    region->state = Region::State::writing;
    return *region;
  }
}

void ArchiveWriter::set_state(const Digest& digest, Region::State to) {
  auto state = shared_.hold();
  state->regions.find(digest)->state = to;
  state.notify();
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

/// The life of this object is the end of the file one writer's. Others wait with what has no place
/// yet until the end is known.
class ArchiveWriter::EndOfFile {
 public:
  EndOfFile(ArchiveWriter& writer, const Call& call) : writer_(writer) {
    auto state = writer_.shared_.hold();
    state.wait(call.stop, [&] { return !state->appending; });
    writer_.check_open(state);
    writer_.begin_writing(state, {});
    state->appending = true;
    offset_ = state->regions.end();
  }
  ~EndOfFile() {
    auto state = writer_.shared_.hold();
    state->appending = false;
    state.notify();
  }
  EndOfFile(const EndOfFile&) = delete;
  EndOfFile& operator=(const EndOfFile&) = delete;

  std::uint64_t offset() const { return offset_; }

 private:
  ArchiveWriter& writer_;
  std::uint64_t offset_ = 0;
};

void ArchiveWriter::add_blob(const Call& call, const Content& content,
                             const std::function<Descriptor()>& described) {
  const EndOfFile end(*this, call);
  const std::uint64_t data = end.offset() + tar_block_size;
  const std::uint64_t size = write_data(call, data, content);
  output_.write_at(data + size, Bytes(zeros).first(tar_padding(size)));
  const Digest digest = described().digest;
  output_.write_at(end.offset(), bytes_of(one_block_header(blob_path(digest), size)));
  auto state = shared_.hold();
  // Whoever writes the same blob at this moment has a place, so he does not wait for the end.
  state.wait(call.stop, [&] {
    const Region* same = state->regions.find(digest);
    return same == nullptr || same->state != Region::State::writing;
  });
  const Region* same = state->regions.find(digest);
  if (same != nullptr && same->state == Region::State::complete) return;
  state->regions.append(digest, size);
}

std::string ArchiveWriter::index() { return shared_.hold()->index; }

void ArchiveWriter::edit_index(const Call&,
                               const std::function<std::string(const std::string&)>& edit) {
  auto state = shared_.hold();
  check_open(state);
  state->index = edit(state->index);
}

void ArchiveWriter::expect(const Call& call, std::span<const Descriptor> content) {
  auto state = shared_.hold();
  state.wait(call.stop, [&] { return !state->appending; });
  check_open(state);
  const bool first = !state->begun;
  begin_writing(state, content);
  std::size_t part = 0;
  for (const Descriptor& blob : content) {
    if (state->regions.find(blob.digest) != nullptr) continue;
    Region& region =
        doing(name_, [&]() -> Region& { return state->regions.keep(blob.digest, blob.size); });
    if (first && output_.partial() != nullptr) region.first_part = part;
    part += part_count(blob.size);
  }
}

/// Before the first byte.
void ArchiveWriter::begin_writing(Held& state, std::span<const Descriptor> plan) {
  if (!std::exchange(state->begun, true)) output_.plan(plan);
}

void ArchiveWriter::commit(const Call& call) {
  auto state = shared_.hold();
  if (state->committed) return;
  begin_writing(state, {});
  close_gaps(call, state);
  std::uint64_t end = state->regions.end();
  end = write_file(end, "oci-layout", layout_version_text);
  end = write_file(end, "index.json", state->index);
  if (format_ == ArchiveFormat::docker) {
    end = write_file(
        end, "manifest.json",
        docker_manifest(parse_layout_index(state->index, name_),
                        [&](const Descriptor& one) { return document(call, state, one); }));
  }
  output_.write_at(end, Bytes(zeros));
  output_.write_at(end + zeros.size(), Bytes(zeros));
  output_.commit(end + 2 * zeros.size());
  state->committed = true;
}

/// Moves blobs down to where nothing is: the places of blobs that never came, which is rare.
void ArchiveWriter::close_gaps(const Call& call, Held& state) {
  for (const Move& move : state->regions.compact()) {
    std::uint64_t to = move.to;
    FunctionSink sink([&](Bytes bytes) {
      call.check();
      output_.write_at(to, bytes);
      to += bytes.size();
    });
    output_.send(move.from, move.size, sink);
  }
}

std::string ArchiveWriter::document(const Call& call, Held& state,
                                    const Descriptor& descriptor) const {
  const Region* region = state->regions.find(descriptor.digest);
  if (region == nullptr) {
    throw Error(ErrorKind::not_found,
                fmt::format("{}: {} is not there", name_, descriptor.digest.str()));
  }
  const auto send = [&](const Call&, Sink& sink) {
    output_.send(region->data(), region->size, sink);
  };
  return collect(call, send, document_limit, descriptor.digest.str());
}

/// Returns where the next file begins.
std::uint64_t ArchiveWriter::write_file(std::uint64_t offset, const std::string& path,
                                        std::string_view text) {
  std::string member = member_header(path, text.size());
  member += text;
  member.append(tar_padding(text.size()), '\0');
  output_.write_at(offset, bytes_of(member));
  return offset + member.size();
}

void ArchiveWriter::check_open(Held& state) const {
  if (state->committed) {
    throw Error(ErrorKind::refused, name_ + " is complete and cannot be changed");
  }
}

}  // namespace

std::unique_ptr<LayoutFiles> write_archive(const std::filesystem::path& file, ArchiveFormat format,
                                           std::optional<std::uint64_t> volume_size) {
  return std::make_unique<ArchiveWriter>(file, format, volume_size);
}

}  // namespace davit::oci
