#include "transport/registry/upload.hpp"

#include <fmt/format.h>

#include "transport/http/policy.hpp"
#include "transport/registry/failure.hpp"

namespace davit::transport {
namespace {

/// Calls `session` until it succeeds, as often as the policy for temporary failures allows.
template <class Session>
void with_retries(const RetryOptions& retry, Session&& session) {
  for (Attempts attempts(retry);;) {
    try {
      return session();
    } catch (const oci::Error& error) {
      if (!attempts.again(error)) throw attempts.counted(error);
    }
  }
}

}  // namespace

Hop upload_location(const Response& response, std::string_view what) {
  const auto location = response.headers.get("Location");
  if (!location) {
    throw oci::Error(oci::ErrorKind::failed,
                     fmt::format("{}: {} answered {} without a Location", what,
                                 response.url.origin.host, response.status));
  }
  return oci::doing(what, [&] { return check_hop(response, *location, HopPurpose::upload); });
}

Uploader::Uploader(Transport& transport, Url uploads, std::vector<std::string> scopes,
                   RetryOptions retry)
    : transport_(transport),
      uploads_(std::move(uploads)),
      scopes_(std::move(scopes)),
      retry_(std::move(retry)) {}

Request Uploader::step(std::string method, Hop to) const {
  Request request;
  request.method = std::move(method);
  request.url = std::move(to.url);
  request.addresses = to.addresses;
  request.scopes = scopes_;
  // A step belongs to its session: not it but the whole session is tried again.
  request.repeatable = false;
  return request;
}

Response Uploader::send(const Request& request, std::string_view what) {
  Response response = transport_.send(request);
  if (response.ok()) return response;
  // A session that the registry does not know any more, because it restarted or because the answer
  // to an earlier step was lost, is as good as a broken connection: a new one helps.
  const std::string code = registry_error(response).code;
  if (response.status == 404 && code.starts_with("BLOB_UPLOAD_")) {
    const oci::Error lost = failure(response, what);
    throw oci::Error(oci::ErrorKind::unavailable, lost.what());
  }
  throw failure(response, what);
}

Hop Uploader::begin() {
  Request request = step("POST", {uploads_});
  request.repeatable = true;
  request.headers.set("Content-Length", "0");
  return upload_location(send(request, "starting an upload"), "starting an upload");
}

void Uploader::push(const oci::Descriptor& descriptor, const oci::Content& content,
                    std::optional<Hop> session) {
  const std::string what = fmt::format("uploading {}", descriptor.digest.str());
  with_retries(retry_, [&] {
    Hop location = session ? *session : begin();
    session.reset();
    location.url.add_query("digest", descriptor.digest.str());
    Request put = step("PUT", location);
    put.headers.set("Content-Type", "application/octet-stream");
    put.body = Body{content, descriptor.size};
    send(put, what);
  });
}

oci::Descriptor Uploader::add(std::string_view media_type, const oci::Content& content) {
  const std::string what = "uploading a layer";
  oci::Descriptor descriptor;
  descriptor.media_type = media_type;
  with_retries(retry_, [&] {
    Request patch = step("PATCH", begin());
    patch.headers.set("Content-Type", "application/octet-stream");
    patch.body = Body{[&](oci::Sink& sink) {
                        oci::Hasher hasher;
                        descriptor.size = 0;
                        oci::FunctionSink measure([&](oci::Bytes bytes) {
                          hasher.write(bytes);
                          descriptor.size += bytes.size();
                          sink.write(bytes);
                        });
                        content(measure);
                        descriptor.digest = hasher.finish();
                      },
                      std::nullopt};
    const Response sent = send(patch, what);
    // What the registry has is what left here whole: an answer that came before the end of the
    // content is no success, whatever its status.
    if (descriptor.digest.empty()) {
      throw oci::Error(oci::ErrorKind::unavailable,
                       fmt::format("{}: the registry answered before the end", what));
    }
    Hop location = upload_location(sent, what);
    location.url.add_query("digest", descriptor.digest.str());
    Request put = step("PUT", location);
    put.headers.set("Content-Length", "0");
    send(put, what);
  });
  return descriptor;
}

}  // namespace davit::transport
