#pragma once

#include <cstdint>
#include <optional>

#include "oci/base/stream.hpp"
#include "oci/model/descriptor.hpp"
#include "transport/http/retry.hpp"
#include "transport/registry/upload_session.hpp"

namespace davit::transport {

/// The most a chunk may be: each upload under way keeps one in memory, and one that is added keeps
/// as much again that is produced meanwhile.
inline constexpr std::uint64_t greatest_chunk = 256 * oci::MiB;

/// How blobs get into one repository (distribution-spec, "Pushing Blobs"). Sent whole, a session
/// that breaks is left and a new one begun: registries disagree about what they keep of a broken
/// one, and docker-registry keeps nothing. Sent in chunks, it goes on at the byte that the registry
/// holds, if the registry still knows it. A blob whose last answer was lost is not sent again if it
/// is there.
class Uploader {
 public:
  /// `chunk_size` in bytes; 0: whole. A registry that announces a greater least size gets that.
  Uploader(UploadTarget target, std::uint64_t chunk_size, RetryOptions retry);

  /// POST, then one PUT of the whole; chunks where it is more than one. `session` is one that a
  /// refused mount has opened.
  void push(const oci::Call& call, const oci::Descriptor& descriptor, const oci::Content& content,
            std::optional<Hop> session);

  /// For content whose digest shows at its end: POST, one streamed PATCH or chunks, PUT with the
  /// digest.
  oci::Descriptor add(const oci::Call& call, std::string_view media_type,
                      const oci::Content& content);

 private:
  bool exists(const oci::Call& call, const oci::Digest& digest) const;
  std::uint64_t chunk_size_for(const UploadSession& session) const;

  const UploadTarget target_;
  const std::uint64_t chunk_size_;
  const RetryOptions retry_;
};

}  // namespace davit::transport
