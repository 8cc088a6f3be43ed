#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "oci/model/digest.hpp"
#include "oci/model/media_type.hpp"
#include "oci/model/platform.hpp"

namespace davit::oci {

/// The greatest manifest, index or config this program reads or writes (distribution-spec: expect
/// at least 4 MB).
inline constexpr std::uint64_t document_limit = 4 * MiB;

using Annotations = std::map<std::string, std::string>;

/// The annotation by which a layout names a tag (image-layout.md).
inline constexpr const char* ref_name_annotation = "org.opencontainers.image.ref.name";

/// What content is, how large, and its digest (descriptor.md).
struct Descriptor {
  std::string media_type;
  Digest digest;
  std::uint64_t size = 0;
  std::optional<Platform> platform = std::nullopt;
  Annotations annotations = {};
  std::vector<std::string> urls = {};
  std::string artifact_type = {};
  std::optional<std::string> data = std::nullopt;  ///< the content itself, decoded
};

/// Checks a stream against a descriptor's size and digest, passing it on. A byte too many throws
/// at once; what is short or different throws in `finish`. Both are Error(corrupt).
class Verifier final : public Sink {
 public:
  Verifier(const Descriptor& expected, Sink& to);
  void write(Bytes bytes) override;
  void finish();

 private:
  const Digest digest_;
  const std::uint64_t size_;
  Sink& to_;
  Hasher hasher_;
  std::uint64_t seen_ = 0;
};

/// The descriptor of bytes in memory.
Descriptor describe(std::string_view media_type, std::string_view bytes);

}  // namespace davit::oci
