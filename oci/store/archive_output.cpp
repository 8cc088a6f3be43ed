#include "oci/store/archive_output.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include "oci/base/error.hpp"
#include "oci/store/assembly.hpp"

namespace davit::oci {
namespace {

/// What is smaller than this is written anew sooner than it is gone on with.
constexpr std::uint64_t worth_keeping = 2 * assembly_part_size;

}  // namespace

ArchiveOutput::ArchiveOutput(std::filesystem::path name, std::optional<std::uint64_t> volume_size)
    : name_(follow_links(std::move(name))),
      what_(printable(name_.native())),
      volume_size_(volume_size) {
  nameless_.emplace(name_);
}

void ArchiveOutput::plan(std::span<const Descriptor> blobs) {
  std::uint64_t size = 0;
  std::size_t parts = 0;
  Hasher plan;
  plan.write(bytes_of(fmt::format("{}\n", volume_size_.value_or(0))));
  for (const Descriptor& blob : blobs) {
    size += std::min(blob.size, worth_keeping);
    parts += part_count(blob.size);
    plan.write(bytes_of(fmt::format("{} {}\n", blob.digest.str(), blob.size)));
    if (parts > part_limit) return;
  }
  if (size < worth_keeping && !volume_size_) return;
  partial_ = PartialFile::open(name_.native() + ".part", plan.finish().str(), parts, volume_size_);
  if (partial_ != nullptr) return nameless_.reset();
  if (volume_size_) {
    throw Error(ErrorKind::refused, what_ + " is being written by another process");
  }
}

void ArchiveOutput::write_at(std::uint64_t offset, Bytes bytes) {
  if (partial_ != nullptr) return partial_->data().write_at(offset, bytes, what_);
  write_all_at(nameless_->fd(), bytes, offset, what_);
}

void ArchiveOutput::send(std::uint64_t offset, std::uint64_t size, Sink& sink) const {
  if (partial_ != nullptr) return partial_->data().send(offset, size, sink, what_);
  send_file(nameless_->fd(), offset, size, sink, what_);
}

void ArchiveOutput::commit(std::uint64_t size) {
  if (partial_ != nullptr) return partial_->commit(name_, size);
  if (::ftruncate(nameless_->fd(), static_cast<off_t>(size)) != 0) throw errno_error(what_);
  nameless_->commit();
}

}  // namespace davit::oci
