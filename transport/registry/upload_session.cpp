#include "transport/registry/upload_session.hpp"

#include <fmt/format.h>

#include <utility>

#include "oci/base/text.hpp"
#include "transport/registry/failure.hpp"

namespace davit::transport {

Hop upload_location(const Response& response, std::string_view what) {
  const auto location = response.headers.get("Location");
  if (!location) {
    throw oci::Error(oci::ErrorKind::failed,
                     fmt::format("{}: {} answered {} without a Location", what,
                                 response.url.origin.host, response.status));
  }
  return oci::doing(what, [&] { return check_hop(response, *location, HopPurpose::upload); });
}

std::optional<std::uint64_t> held_bytes(const Response& response) {
  // Some say "bytes=0-LAST".
  std::string range = response.headers.get("Range").value_or("");
  if (range.starts_with("bytes=")) range.erase(0, 6);
  if (!range.starts_with("0-")) return std::nullopt;
  const auto last = oci::parse_number(std::string_view(range).substr(2));
  if (!last || *last == 0 || *last == UINT64_MAX) return std::nullopt;
  return *last + 1;
}

UploadSession::UploadSession(const oci::Call& call, const UploadTarget& target, std::string what,
                             Hop location)
    : call_(call), target_(target), what_(std::move(what)), location_(std::move(location)) {}

UploadSession::UploadSession(const oci::Call& call, const UploadTarget& target, std::string what)
    : call_(call), target_(target), what_(std::move(what)) {
  Url uploads = target.blobs;
  uploads.path += "uploads/";
  Request post = step("POST", {uploads});
  post.headers.set("Content-Length", "0");
  const Response response = target.transport.send(call, post);
  if (!response.ok()) throw failed(response);
  location_ = upload_location(response, what_);
  min_chunk_ =
      oci::parse_number(response.headers.get("OCI-Chunk-Min-Length").value_or("")).value_or(0);
}

Request UploadSession::step(std::string method, Hop to) const {
  Request request;
  request.method = std::move(method);
  request.url = std::move(to.url);
  request.addresses = to.addresses;
  request.scopes = target_.scopes;
  request.repeatable = false;
  return request;
}

void UploadSession::follow(const Response& response) {
  if (response.headers.get("Location")) location_ = upload_location(response, what_);
}

Response UploadSession::patch(Body body, const std::string& range) {
  Request patch = step("PATCH", location_);
  patch.headers.set("Content-Type", "application/octet-stream");
  if (!range.empty()) patch.headers.set("Content-Range", range);
  patch.body = std::move(body);
  Response response = target_.transport.send(call_, patch);
  if (response.ok() && !response.headers.get("Location")) upload_location(response, what_);
  if (response.ok() || response.status == 416) follow(response);
  return response;
}

void UploadSession::finish(const oci::Digest& digest, std::optional<Body> body) {
  Hop location = location_;
  location.url.add_query("digest", digest.str());
  Request put = step("PUT", location);
  if (body) {
    put.headers.set("Content-Type", "application/octet-stream");
    put.body = std::move(body);
  } else {
    put.headers.set("Content-Length", "0");
  }
  const Response response = target_.transport.send(call_, put);
  if (!response.ok()) throw failed(response);
}

std::optional<std::uint64_t> UploadSession::held() {
  const Response response = target_.transport.send(call_, step("GET", location_));
  if (response.status == 404) throw failed(response);
  if (!response.ok()) return std::nullopt;
  follow(response);
  return held_bytes(response);
}

oci::Error UploadSession::failed(const Response& response) const {
  const oci::Error error = failure(response, what_);
  const std::string code = registry_error(response).code;
  if (response.status == 404 && code.starts_with("BLOB_UPLOAD_")) {
    return {oci::ErrorKind::unavailable, error.what()};
  }
  return error;
}

}  // namespace davit::transport
