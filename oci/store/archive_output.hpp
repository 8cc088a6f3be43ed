#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>

#include "oci/base/atomic_file.hpp"
#include "oci/base/partial_file.hpp"
#include "oci/model/descriptor.hpp"

namespace davit::oci {

/// The file that an archive is written to until it is whole. Either one without a name, which is
/// gone with its writer, or, for a plan that is worth it, NAME.part, which the next writer of the
/// same plan goes on with.
class ArchiveOutput {
 public:
  explicit ArchiveOutput(std::filesystem::path name,
                         std::optional<std::uint64_t> volume_size = std::nullopt);

  /// These blobs stand at the beginning, in this order; nothing was written yet. Error(refused) if
  /// volumes are asked for and another process is writing them.
  void plan(std::span<const Descriptor> blobs);
  /// Where the blobs of the plan are kept by their parts; null if they are not.
  const std::shared_ptr<PartialFile>& partial() const { return partial_; }

  void write_at(std::uint64_t offset, Bytes bytes);
  void send(std::uint64_t offset, std::uint64_t size, Sink& sink) const;
  void commit(std::uint64_t size);

 private:
  const std::filesystem::path name_;
  const std::string what_;  // for errors
  const std::optional<std::uint64_t> volume_size_;
  std::optional<AtomicFile> nameless_;
  std::shared_ptr<PartialFile> partial_;
};

}  // namespace davit::oci
