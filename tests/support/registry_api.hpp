#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/fault.hpp"
#include "tests/support/http_server.hpp"
#include "tests/support/registry_content.hpp"

namespace davit::oci {
class Json;
}

namespace davit::tests {

/// What a registry keeps of an upload whose connection broke. docker-registry 2.8 forgets it all.
enum class BrokenUpload { kept, lost };
/// Whether a push makes a repository that is missing. ECR answers 404 NAME_UNKNOWN.
enum class Creation { by_push, beforehand };
/// Whether a tag can move. ECR answers 400 TAG_INVALID, even for the same document.
enum class Tags { movable, immutable };

struct ApiOptions {
  std::size_t page_size = 0;    ///< most names in a list; 0: as many as asked for
  std::uint64_t min_chunk = 0;  ///< OCI-Chunk-Min-Length, demanded of all chunks but the last
  BrokenUpload broken_upload = BrokenUpload::kept;
  Creation creation = Creation::by_push;
  Tags tags = Tags::movable;
};

/// {"errors":[{"code":...,"message":...}]}
Answer error_answer(int status, const std::string& code, const std::string& message);

bool struck(const std::vector<Fault>& faults, FaultKind kind);

/// The distribution specification 1.1 over some content. Locations are paths; who serves makes
/// them absolute.
class RegistryApi {
 public:
  RegistryApi(RegistryContent& content, ApiOptions options)
      : content_(content), options_(options) {}

  /// What the bearer of a token must be allowed to do for this request.
  static std::vector<std::string> scopes(const Exchange& exchange);
  Answer serve(Exchange& exchange, const std::vector<Fault>& faults);

 private:
  struct Call;
  Answer blob(const Call& call);
  Answer blob_range(const Call& call, const oci::Digest& digest, const SharedText& bytes);
  Answer start_upload(const Call& call);
  Answer upload(const Call& call);
  /// Adds the request's body to the session; an answer only if it is refused.
  std::optional<Answer> receive(const Call& call, UploadSession& session);
  Answer finish_upload(const Call& call, UploadSession& session, const std::string& digest);
  Answer upload_state(const Call& call, UploadSession& session, int status);
  Answer document(const Call& call);
  Answer put_document(const Call& call);
  std::optional<Answer> missing_child(const Call& call, const oci::Json& json) const;
  Answer referrers(const Call& call);
  Answer names(const Call& call, const char* member, const std::vector<std::string>& all);

  RegistryContent& content_;
  const ApiOptions options_;
};

}  // namespace davit::tests
