#include "oci/store/assembly.hpp"

#include <algorithm>
#include <utility>

#include "oci/base/error.hpp"

namespace davit::oci {
namespace {

/// How far a part gets between two marks: what a killed process loses at most.
constexpr std::uint64_t mark_distance = 1 * MiB;

std::uint64_t size_of_part(std::size_t part, std::uint64_t blob_size) {
  return std::min(blob_size - part * assembly_part_size, assembly_part_size);
}

}  // namespace

std::size_t part_count(std::uint64_t blob_size) {
  return blob_size == 0 ? 1 : (blob_size - 1) / assembly_part_size + 1;
}

void mark_parts(PartialFile& file, std::size_t first_part, std::uint64_t blob_size) {
  for (std::size_t part = 0; part < part_count(blob_size); ++part) {
    file.mark(first_part + part, size_of_part(part, blob_size));
  }
}

Assembly::Assembly(Descriptor blob, Place place)
    : blob_(std::move(blob)),
      place_(std::move(place)),
      done_(part_count(blob_.size)),
      hasher_(blob_.digest.algorithm()) {
  for (std::size_t part = 0; part < done_.size(); ++part) {
    const std::uint64_t size = size_of_part(part, blob_.size);
    done_[part] = std::min(place_.file->marked(place_.first_part + part), size);
    if (done_[part] > 0) resumed_ = true;
    if (done_[part] == size) continue;
    missing_.push_back({part * assembly_part_size + done_[part], size - done_[part]});
  }
}

Assembly::~Assembly() {
  if (!stored_ && place_.leave) place_.leave();
}

/// Takes a part's bytes to their place, and marks how far it got.
class Assembly::PartSink final : public Sink {
 public:
  PartSink(Assembly& assembly, const Part& part)
      : assembly_(assembly),
        begin_(part.offset),
        end_(part.offset + part.size),
        at_(begin_),
        marked_(begin_) {}

  void write(Bytes bytes) override {
    if (bytes.size() > end_ - at_) {
      throw Error(ErrorKind::corrupt, assembly_.blob_.digest.str() + ": a part is too long");
    }
    const Place& place = assembly_.place_;
    try {
      place.file->data().write_at(place.offset + at_, bytes, assembly_.blob_.digest.str());
    } catch (const Error&) {
      assembly_.forget();  // A disk that is full gets its room back.
      throw;
    }
    at_ += bytes.size();
    if (at_ - marked_ >= mark_distance) mark();
  }
  void mark() {
    if (at_ == marked_) return;
    assembly_.mark(at_);
    marked_ = at_;
  }
  bool complete() const { return at_ == end_; }
  bool untouched() const { return at_ == begin_; }

 private:
  Assembly& assembly_;
  const std::uint64_t begin_;
  const std::uint64_t end_;
  std::uint64_t at_;
  std::uint64_t marked_;
};

void Assembly::write(const Call& call, const Part& part, const Content& content) {
  PartSink sink(*this, part);
  try {
    content(call, sink);
  } catch (...) {
    sink.mark();
    throw;
  }
  if (sink.untouched()) return;
  if (!sink.complete()) {
    throw Error(ErrorKind::corrupt, blob_.digest.str() + ": a part is too short");
  }
  sink.mark();
  hash_what_is_there(call);
}

/// A part is there up to this byte, which is not the first of the part.
void Assembly::mark(std::uint64_t end_of_done) {
  const std::size_t part = (end_of_done - 1) / assembly_part_size;
  const std::uint64_t done = end_of_done - part * assembly_part_size;
  const std::lock_guard lock(mutex_);
  if (forgotten_) return;
  done_[part] = done;
  place_.file->mark(place_.first_part + part, done);
}

/// Hashes whole parts as far as they stand in a row, unless another thread is at it: that one goes
/// on with what is new.
void Assembly::hash_what_is_there(const Call& call) {
  std::unique_lock lock(mutex_);
  while (!hashing_ && !spoilt_ && hashed_ < blob_.size) {
    const std::size_t part = hashed_ / assembly_part_size;
    const std::uint64_t size = size_of_part(part, blob_.size);
    if (done_[part] < size) return;
    hashing_ = true;
    lock.unlock();
    try {
      StoppingSink stopping(call, hasher_);
      place_.file->data().send(place_.offset + hashed_, size, stopping, blob_.digest.str());
    } catch (const Error& error) {
      lock.lock();
      hashing_ = false;
      spoilt_ = true;
      // After a power failure the file may be shorter than the marks of an earlier process say.
      if (error.kind() == ErrorKind::corrupt && resumed_) return;
      throw;
    }
    lock.lock();
    hashed_ += size;
    hashing_ = false;
  }
}

bool Assembly::finish(const Call& call) {
  hash_what_is_there(call);
  if (hashed_ == blob_.size && hasher_.finish() == blob_.digest) {
    place_.store();
    stored_ = true;
    return true;
  }
  forget();
  if (resumed_) return false;
  throw Error(ErrorKind::corrupt, blob_.digest.str() + ": the content has another digest");
}

void Assembly::forget() {
  const std::lock_guard lock(mutex_);
  forgotten_ = true;
  for (std::size_t part = 0; part < done_.size(); ++part) {
    place_.file->mark(place_.first_part + part, 0);
  }
}

}  // namespace davit::oci
