#pragma once

#include <optional>

#include "oci/base/stream.hpp"
#include "oci/model/descriptor.hpp"
#include "transport/http/policy.hpp"
#include "transport/http/retry.hpp"
#include "transport/http/transport.hpp"

namespace davit::transport {

/// How blobs get into one repository (distribution-spec, "Pushing Blobs"). A session that breaks
/// is left and a new one begun: registries disagree about what they keep of a broken one, and
/// docker-registry keeps nothing.
class Uploader {
 public:
  /// `uploads` is the repository's /blobs/uploads/.
  Uploader(Transport& transport, Url uploads, std::vector<std::string> scopes, RetryOptions retry);

  /// POST, then one PUT of the whole. `session` is one that a refused mount has opened.
  void push(const oci::Descriptor& descriptor, const oci::Content& content,
            std::optional<Hop> session);

  /// For content whose digest shows at its end: POST, one streamed PATCH, PUT with the digest.
  oci::Descriptor add(std::string_view media_type, const oci::Content& content);

 private:
  Hop begin();
  Response send(const Request& request, std::string_view what);
  Request step(std::string method, Hop to) const;

  Transport& transport_;
  const Url uploads_;
  const std::vector<std::string> scopes_;
  const RetryOptions retry_;
};

/// Where an upload goes on: the Location of an answer, judged by the policy for hops.
Hop upload_location(const Response& response, std::string_view what);

}  // namespace davit::transport
