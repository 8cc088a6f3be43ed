#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/base/error.hpp"
#include "oci/model/digest.hpp"
#include "transport/http/policy.hpp"
#include "transport/http/transport.hpp"

namespace davit::transport {

/// Where the blobs of a repository go, and how.
struct UploadTarget {
  Transport& transport;
  Url blobs;  ///< the repository's /blobs/
  std::vector<std::string> scopes;
};

/// Where an upload goes on: the Location of an answer, judged by the policy for hops.
Hop upload_location(const Response& response, std::string_view what);

/// One upload session (distribution-spec, "Pushing Blobs"). Each answer says where the next step
/// goes. No step is repeated below: its owner alone decides how to go on after a failure. `what`
/// stands in front of every error.
class UploadSession {
 public:
  /// POST.
  UploadSession(const oci::Call& call, const UploadTarget& target, std::string what);
  /// One that a refused mount has opened.
  UploadSession(const oci::Call& call, const UploadTarget& target, std::string what, Hop location);

  /// PATCH; `range` is Content-Range, "FIRST-LAST". Returns the answer, whatever its status.
  Response patch(Body body, const std::string& range = {});
  /// PUT with the digest, which ends the session.
  void finish(const oci::Digest& digest, std::optional<Body> body = std::nullopt);

  /// The bytes that the registry says it has (GET, 204 with Range); nothing if it does not say, or
  /// says that it has none. Throws Error(unavailable) if it does not know the session any more.
  std::optional<std::uint64_t> held();

  /// The shortest chunk the registry takes but for the last: OCI-Chunk-Min-Length; 0 unless said.
  std::uint64_t min_chunk() const { return min_chunk_; }
  const std::string& what() const { return what_; }

  /// The Error for an answer. A session that the registry does not know any more, because it
  /// restarted or because the answer to an earlier step was lost, is as good as a broken
  /// connection: Error(unavailable), a new one helps.
  oci::Error failed(const Response& response) const;

 private:
  Request step(std::string method, Hop to) const;
  /// Takes the next Location from an answer that has one.
  void follow(const Response& response);

  const oci::Call call_;
  const UploadTarget& target_;
  std::string what_;
  Hop location_;
  std::uint64_t min_chunk_ = 0;
};

/// The end of "0-LAST" plus one. "0-0" stands for nothing as well as for one byte: absent.
std::optional<std::uint64_t> held_bytes(const Response& response);

}  // namespace davit::transport
