#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "oci/base/partial_file.hpp"
#include "oci/model/descriptor.hpp"

namespace davit::oci {

/// A part of a blob.
struct Part {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

/// The parts in which a blob is assembled are so large, the last one smaller. Large enough that a
/// request for each does not count, small enough that a layer of a usual size has several.
inline constexpr std::uint64_t assembly_part_size = 8 * MiB;

/// More than so many are not kept: of a blob that is 8 TiB, and its marks are 8 MiB.
inline constexpr std::size_t part_limit = std::size_t{1} << 20;

/// How many parts a blob has; at least one.
std::size_t part_count(std::uint64_t blob_size);

/// Marks all parts of a blob as being there.
void mark_parts(PartialFile& file, std::size_t first_part, std::uint64_t blob_size);

/// A blob that is put together from its parts in a partial file, where they stay for the next
/// process if this one does not get to the end. The whole is verified: what lies there in a row is
/// hashed while other parts still come.
class Assembly {
 public:
  /// Where the blob lies in the file, and what becomes of it.
  struct Place {
    std::shared_ptr<PartialFile> file;
    std::uint64_t offset = 0;
    std::size_t first_part = 0;
    std::function<void()> store;  ///< it is all there, and what it should be
    std::function<void()> leave;  ///< it is not, and nobody writes it any more; may be empty
  };

  Assembly(Descriptor blob, Place place);
  ~Assembly();
  Assembly(const Assembly&) = delete;
  Assembly& operator=(const Assembly&) = delete;

  /// What is to be written: parts, or the rests of those that an earlier process began.
  const std::vector<Part>& missing() const { return missing_; }

  /// Writes one of these; from several threads at once. What came before a failure is kept.
  /// Content that writes nothing at all changes nothing.
  void write(const Call& call, const Part& part, const Content& content);

  /// After all were written: verifies the blob and stores it. False if it is not what it should be
  /// and some of it is from an earlier process: then nothing is kept, and it may come once more.
  /// Error(corrupt) otherwise.
  bool finish(const Call& call);

  /// Keeps nothing of what came: the blob comes in another way.
  void forget();

 private:
  class PartSink;

  void mark(std::uint64_t end_of_done);
  void hash_what_is_there(const Call& call);

  const Descriptor blob_;
  const Place place_;
  std::vector<Part> missing_;
  std::mutex mutex_;
  std::vector<std::uint64_t> done_;  // of each part
  Hasher hasher_;
  std::uint64_t hashed_ = 0;
  bool hashing_ = false;
  bool spoilt_ = false;  // what is there cannot be read; it is not hashed to its end
  bool resumed_ = false;
  bool forgotten_ = false;
  bool stored_ = false;
};

}  // namespace davit::oci
