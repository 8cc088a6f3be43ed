// Uploads of blobs: one request, two, or in chunks (distribution-spec, "Pushing blobs").

#include <fmt/format.h>

#include "tests/support/registry_call.hpp"

namespace davit::tests {

using oci::Digest;

Answer RegistryApi::start_upload(const Call& call) {
  const std::string& repository = call.target.repository;
  if (call.exchange.method() != "POST") return error_answer(405, "UNSUPPORTED", "not an upload");
  if (options_.creation == Creation::beforehand && !content_.exists(repository)) {
    return error_answer(
        404, "NAME_UNKNOWN",
        fmt::format("The repository with name '{}' does not exist in the registry", repository));
  }
  const auto mount = parameter(call.query, "mount");
  const auto from = parameter(call.query, "from");
  if (mount && from && !struck(call.faults, FaultKind::ignore_mount)) {
    const std::optional<Digest> digest = Digest::try_parse(*mount);
    if (!digest) return error_answer(400, "DIGEST_INVALID", "provided digest did not parse");
    if (content_.mount(*from, repository, *digest)) {
      Answer answer = with_location(201, fmt::format("/v2/{}/blobs/{}", repository, digest->str()));
      answer.headers.add("Docker-Content-Digest", digest->str());
      return answer;
    }
  }
  const std::shared_ptr<UploadSession> session = content_.start_upload(repository);
  if (const auto digest = parameter(call.query, "digest")) {
    if (auto refusal = receive(call, *session)) return *std::move(refusal);
    return finish_upload(call, *session, *digest);
  }
  Answer answer = upload_state(call, *session, 202);
  if (options_.min_chunk > 0) {
    answer.headers.add("OCI-Chunk-Min-Length", std::to_string(options_.min_chunk));
  }
  return answer;
}

Answer RegistryApi::upload(const Call& call) {
  const auto session = content_.upload(call.target.repository, call.target.reference);
  if (!session) return error_answer(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry");
  if (!parameter(call.query, "_state")) {
    return error_answer(400, "BLOB_UPLOAD_INVALID", "the query of the Location is missing");
  }
  const std::string& method = call.exchange.method();
  if (method == "GET") return upload_state(call, *session, 204);
  if (method == "DELETE") {
    content_.end_upload(call.target.repository, session->id);
    return Answer{.status = 204};
  }
  if (method == "PATCH") {
    if (auto refusal = receive(call, *session)) return *std::move(refusal);
    return upload_state(call, *session, 202);
  }
  if (method != "PUT") return error_answer(405, "UNSUPPORTED", "not an operation on uploads");
  const auto digest = parameter(call.query, "digest");
  if (!digest) return error_answer(400, "DIGEST_INVALID", "no digest was given");
  if (auto refusal = receive(call, *session)) return *std::move(refusal);
  return finish_upload(call, *session, *digest);
}

std::optional<Answer> RegistryApi::receive(const Call& call, UploadSession& session) {
  std::uint64_t offset = 0;
  {
    const std::lock_guard lock(session.mutex);
    offset = session.bytes.size();
    if (call.exchange.has_body() && offset > 0 && session.last_chunk < options_.min_chunk) {
      return error_answer(400, "BLOB_UPLOAD_INVALID",
                          fmt::format("all layer parts except the last one should be at least {} "
                                      "bytes",
                                      options_.min_chunk));
    }
  }
  std::optional<std::uint64_t> promised;
  if (const auto text = call.exchange.headers().get("Content-Range")) {
    const auto range = parse_range(*text);
    if (!range || !range->first || !range->second || *range->second < *range->first) {
      return error_answer(400, "BLOB_UPLOAD_INVALID", "Content-Range does not parse");
    }
    if (*range->first != offset) {
      Answer refusal = error_answer(
          416, "BLOB_UPLOAD_INVALID",
          fmt::format("First byte of the layer part is {} instead of {}", *range->first, offset));
      const Answer state = upload_state(call, session, 416);
      for (const auto& [name, value] : state.headers.fields()) {
        refusal.headers.add(name, value);
      }
      return refusal;
    }
    promised = *range->second - *range->first + 1;
  }
  try {
    std::vector<char> piece(256 * 1024);
    for (std::size_t got = 0; (got = call.exchange.read(piece)) > 0;) {
      const std::lock_guard lock(session.mutex);
      session.bytes.append(piece.data(), got);
    }
  } catch (const ConnectionLost&) {
    if (options_.broken_upload == BrokenUpload::lost) {
      content_.end_upload(call.target.repository, session.id);
    }
    throw;
  }
  const std::uint64_t received = call.exchange.body_bytes();
  if (promised && *promised != received) {
    return error_answer(400, "SIZE_INVALID", "Content-Range and length of the body differ");
  }
  const std::lock_guard lock(session.mutex);
  session.last_chunk = received;
  if (offset == 0) session.first_chunk = received;
  return std::nullopt;
}

Answer RegistryApi::finish_upload(const Call& call, UploadSession& session,
                                  const std::string& text) {
  const std::string& repository = call.target.repository;
  const std::optional<Digest> digest = Digest::try_parse(text);
  content_.end_upload(repository, session.id);
  const std::lock_guard lock(session.mutex);
  if (!digest || oci::digest_of(oci::bytes_of(session.bytes), digest->algorithm()) != *digest) {
    return error_answer(400, "DIGEST_INVALID", "provided digest did not match uploaded content");
  }
  content_.put_blob_as(repository, *digest, std::move(session.bytes));
  Answer answer = with_location(201, fmt::format("/v2/{}/blobs/{}", repository, digest->str()));
  answer.headers.add("Docker-Content-Digest", digest->str());
  return answer;
}

Answer RegistryApi::upload_state(const Call& call, UploadSession& session, int status) {
  const std::lock_guard lock(session.mutex);
  Answer answer =
      with_location(status, fmt::format("/v2/{}/blobs/uploads/{}?_state={}", call.target.repository,
                                        session.id, session.bytes.size()));
  std::uint64_t end = session.bytes.size();
  if (struck(call.faults, FaultKind::stale_range)) end = session.first_chunk;
  answer.headers.add("Range", fmt::format("0-{}", end == 0 ? 0 : end - 1));
  answer.headers.add("Docker-Upload-UUID", session.id);
  return answer;
}

}  // namespace davit::tests
