#pragma once

#include <cstddef>

#include "oci/base/pipe.hpp"
#include "transport/http/retry.hpp"
#include "transport/registry/upload_session.hpp"

namespace davit::transport {

/// The part of a blob that is on its way: kept until the registry has it, so that a broken
/// connection costs sending it again and the content need not be produced anew.
class Chunk {
 public:
  explicit Chunk(std::size_t capacity) : buffer_(capacity) {}

  /// Reads until it is full or the content ends.
  void fill(oci::Reader& content);
  /// Forgets what the registry has.
  void drop(std::size_t count);

  oci::Bytes bytes() const { return oci::Bytes(buffer_).first(size_); }
  /// Nothing follows these bytes.
  bool is_last() const { return ended_; }

 private:
  std::vector<std::byte> buffer_;
  std::size_t size_ = 0;
  bool ended_ = false;
};

/// Sends content in PATCHes of one chunk each (distribution-spec, "Pushing a blob in chunks").
/// `chunk` may hold its beginning already.
///
/// After a failure it goes on at the byte that the registry holds: what the registry says where it
/// can be, else the end of the last chunk that it took. (The Range of ECR's answers stays at the
/// end of the first chunk; its 416 names the offset it wants.) Tries count in `attempts`, which
/// each chunk that arrives renews. Throws Error(unavailable) where only a new session helps.
void send_chunks(UploadSession& session, Chunk& chunk, oci::Reader& content, Attempts& attempts);

}  // namespace davit::transport
