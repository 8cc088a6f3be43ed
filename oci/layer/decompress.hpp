#pragma once

#include <memory>
#include <string_view>

#include "oci/base/stream.hpp"

namespace davit::oci {

/// How a file is compressed, whatever its name or type says.
enum class Encoding { none, gzip, zstd, xz };

/// Told by the magic number at the start of a file; `magic_size` bytes are enough, fewer at the
/// end of a file.
inline constexpr std::size_t magic_size = 6;
Encoding sniff(Bytes first_bytes);

/// Decompresses what is written, piece by piece into another sink and on the same thread, in
/// memory that does not depend on the content.
struct Decompressor : Sink {
  /// At the end of the input. Throws Error(corrupt) if it came too early.
  virtual void finish() = 0;
};

/// Several gzip members, zstd frames or xz streams behind one another are one file, as their
/// specifications say; zero bytes may fill up a gzip or an xz file, and zstd's skippable frames
/// are skipped. All else that follows, damage, and an end that comes too early are Error(corrupt).
/// What needs a window or dictionary of more than 128 MiB is Error(refused). Errors name `what`.
std::unique_ptr<Decompressor> make_decompressor(Encoding encoding, Sink& to, std::string_view what);

/// The same for whatever encoding the first bytes tell. Nothing at all is an empty file.
std::unique_ptr<Decompressor> make_sniffing_decompressor(Sink& to, std::string_view what);

}  // namespace davit::oci
