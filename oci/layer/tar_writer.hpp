#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "oci/base/stream.hpp"
#include "oci/layer/block.hpp"
#include "oci/layer/tar_header.hpp"

namespace davit::oci {

/// Writes a tar into blocks: pax where ustar is too small, nothing that depends on anything but
/// the entries. The sink side takes the data of the entry that was begun last.
class TarWriter final : public Sink {
 public:
  explicit TarWriter(BlockWriter& to) : to_(to) {}

  /// Begins an entry; a file's `size` bytes follow, whole, before the next one. Errors as
  /// append_tar_header; Error(failed) if data of the entry before is missing.
  void entry(const TarEntry& entry);
  /// Error(failed) beyond the entry's size.
  void write(Bytes bytes) override;

  /// Without a copy: room for data of the entry, to be filled from its start; empty when all of
  /// it is there. `advance` says how much of it was filled.
  std::span<std::byte> space();
  void advance(std::size_t filled);

  /// Whole entries, made by append_tar_header and padded to a multiple of 512 bytes.
  void append(Bytes entries);

  /// Two blocks of zeros. They are not filled up to a tape's record of 10,240 bytes: what writes
  /// layers elsewhere (Go's archive/tar) does not either, and no reader asks for it.
  void finish();

 private:
  void between_entries() const;
  void pad();

  BlockWriter& to_;
  std::uint64_t missing_ = 0;  // of the entry's data
  std::size_t padding_ = 0;    // after its data
  std::string path_;           // for errors
  std::string header_;
};

}  // namespace davit::oci
