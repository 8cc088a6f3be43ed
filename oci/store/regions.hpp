#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "oci/model/digest.hpp"

namespace davit::oci {

/// A blob's place in an archive: from the first block of its header to the last of its data.
struct Region {
  enum class State {
    kept,      ///< a place for a blob that is expected, or that failed to come
    writing,   ///< it is coming
    complete,  ///< it is there
  };

  std::uint64_t start = 0;
  std::uint64_t header_size = 0;
  std::uint64_t size = 0;  ///< of the data
  State state = State::kept;
  std::optional<std::size_t> first_part = std::nullopt;  ///< where the output keeps its parts

  std::uint64_t data() const { return start + header_size; }
  std::uint64_t end() const;
};

/// Bytes of an archive that move down.
struct Move {
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  std::uint64_t size = 0;
};

/// Which blob lies where in an archive that is being written. New places are at the end. What was
/// dropped leaves a gap, until `compact`. Not for several threads.
class Regions {
 public:
  /// Null if the blob has no place.
  Region* find(const Digest& digest);
  /// A new place at the end. Throws Error(corrupt) if no file has room for it: sizes are what
  /// documents say.
  Region& keep(const Digest& digest, std::uint64_t size);
  /// A blob of any size that stands at the end already, after a header of one block.
  void append(const Digest& digest, std::uint64_t size);
  void drop(const Digest& digest);

  /// Drops what is not complete, and closes all gaps. What is to be done for it in the file, in
  /// this order.
  std::vector<Move> compact();

  /// Where the next place begins.
  std::uint64_t end() const { return end_; }

 private:
  std::map<Digest, Region> regions_;
  std::uint64_t end_ = 0;
};

}  // namespace davit::oci
