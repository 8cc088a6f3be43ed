#pragma once

#include <cstddef>
#include <memory>

#include "oci/base/stream.hpp"

namespace davit::oci {

inline constexpr int default_zstd_level = 3;

/// Compresses what is written to exactly one zstd frame (RFC 8878), on libzstd's own threads:
/// `workers` of them, at least one. The bytes depend on content and level, not on the number of
/// workers nor on the sizes of the writes. The frame has no checksum: digest and diff_id cover
/// every byte already, and each later pull would pay for it.
class ZstdWriter final : public Sink {
 public:
  ZstdWriter(int level, std::size_t workers, Sink& to);
  ~ZstdWriter() override;
  ZstdWriter(const ZstdWriter&) = delete;
  ZstdWriter& operator=(const ZstdWriter&) = delete;

  void write(Bytes bytes) override;
  void finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace davit::oci
