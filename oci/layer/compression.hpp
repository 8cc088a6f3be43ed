#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "oci/model/media_type.hpp"

namespace davit::oci {

/// How a layer is to be stored, in the words of the command line:
///
///   gzip       the fast default: ISA-L level 2 (zlib level 1 where ISA-L is absent)
///   gzip:1..9  zlib's levels: the same bytes on every architecture
///   zstd       level 3;  zstd:1..22  libzstd's levels
///   none       the tar itself
class Compression {
 public:
  /// gzip.
  Compression() = default;

  /// Throws Error(usage).
  static Compression parse(std::string_view text);

  LayerFormat format() const { return format_; }
  /// Absent: the default of the format.
  std::optional<int> level() const { return level_ == 0 ? std::nullopt : std::optional(level_); }
  /// The layer's type in an OCI manifest.
  std::string_view media_type() const;
  /// As `parse` reads it.
  std::string str() const;

  friend bool operator==(const Compression&, const Compression&) = default;

 private:
  Compression(LayerFormat format, int level) : format_(format), level_(level) {}

  LayerFormat format_ = LayerFormat::gzip;
  int level_ = 0;  // 0: the default
};

}  // namespace davit::oci
