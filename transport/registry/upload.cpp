#include "transport/registry/upload.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "transport/registry/chunks.hpp"

namespace davit::transport {
namespace {

using oci::Error;
using oci::ErrorKind;

/// Calls `session` until it succeeds, as often as the policy for temporary failures allows.
template <class Session>
void with_retries(const oci::Call& call, const RetryOptions& retry, Session&& session) {
  for (Attempts attempts(call, retry);;) {
    try {
      return session(attempts);
    } catch (const Error& error) {
      if (!attempts.again(error)) throw attempts.counted(error);
    }
  }
}

/// Content that is measured while it is produced. The result counts once it has ended.
class Measured {
 public:
  explicit Measured(const oci::Content& content) : content_(content) {}

  void operator()(const oci::Call& call, oci::Sink& sink) {
    oci::Hasher hasher;
    size = 0;
    digest = {};
    oci::FunctionSink measure([&](oci::Bytes bytes) {
      hasher.write(bytes);
      size += bytes.size();
      sink.write(bytes);
    });
    content_(call, measure);
    digest = hasher.finish();
  }

  oci::Content content() {
    return [this](const oci::Call& call, oci::Sink& sink) { (*this)(call, sink); };
  }

  std::uint64_t size = 0;
  oci::Digest digest;

 private:
  const oci::Content& content_;
};

void add_whole(UploadSession& session, Measured& measured) {
  const Response response = session.patch({measured.content(), std::nullopt});
  if (!response.ok()) throw session.failed(response);
  // What the registry has is what left here whole: an answer that came before the end of the
  // content is no success, whatever its status.
  if (measured.digest.empty()) {
    throw Error(ErrorKind::unavailable,
                fmt::format("{}: the registry answered before the end", session.what()));
  }
  session.finish(measured.digest);
}

void add_in_chunks(const oci::Call& call, UploadSession& session, std::uint64_t chunk_size,
                   Measured& measured, Attempts& attempts) {
  // The next chunk is produced while one is on its way.
  oci::Reader reader(call, measured.content(), chunk_size);
  Chunk chunk(chunk_size);
  chunk.fill(reader);
  if (chunk.is_last()) {
    const auto bytes = chunk.bytes();
    return session.finish(
        measured.digest,
        Body{[bytes](const oci::Call&, oci::Sink& sink) { sink.write(bytes); }, bytes.size()});
  }
  send_chunks(session, chunk, reader, attempts);
  session.finish(measured.digest);
}

}  // namespace

Uploader::Uploader(UploadTarget target, std::uint64_t chunk_size, RetryOptions retry)
    : target_(std::move(target)), chunk_size_(chunk_size), retry_(std::move(retry)) {}

bool Uploader::exists(const oci::Call& call, const oci::Digest& digest) const {
  Request head;
  head.method = "HEAD";
  head.url = target_.blobs;
  head.url.path += digest.str();
  head.scopes = target_.scopes;
  head.repeatable = false;
  try {
    return target_.transport.send(call, head).ok();
  } catch (const Error& error) {
    // ECR Public answers 401 to each HEAD of a blob.
    if (error.kind() != ErrorKind::denied) throw;
    return false;
  }
}

std::uint64_t Uploader::chunk_size_for(const UploadSession& session) const {
  if (chunk_size_ == 0 || session.min_chunk() > greatest_chunk) return 0;
  return std::max(chunk_size_, session.min_chunk());
}

void Uploader::push(const oci::Call& call, const oci::Descriptor& descriptor,
                    const oci::Content& content, std::optional<Hop> opened) {
  const std::string what = fmt::format("uploading {}", descriptor.digest.str());
  bool again = false;
  with_retries(call, retry_, [&](Attempts& attempts) {
    if (std::exchange(again, true) && exists(call, descriptor.digest)) return;
    UploadSession session = opened ? UploadSession(call, target_, what, *std::exchange(opened, {}))
                                   : UploadSession(call, target_, what);
    const std::uint64_t chunk_size = chunk_size_for(session);
    if (chunk_size == 0 || descriptor.size <= chunk_size) {
      return session.finish(descriptor.digest, Body{content, descriptor.size});
    }
    oci::Reader reader(call, content);
    Chunk chunk(chunk_size);
    send_chunks(session, chunk, reader, attempts);
    session.finish(descriptor.digest);
  });
}

oci::Descriptor Uploader::add(const oci::Call& call, std::string_view media_type,
                              const oci::Content& content) {
  Measured measured(content);
  with_retries(call, retry_, [&](Attempts& attempts) {
    if (!measured.digest.empty() && exists(call, measured.digest)) return;
    UploadSession session(call, target_, "uploading a layer");
    if (const std::uint64_t chunk_size = chunk_size_for(session)) {
      add_in_chunks(call, session, chunk_size, measured, attempts);
    } else {
      add_whole(session, measured);
    }
  });
  oci::Descriptor descriptor;
  descriptor.media_type = media_type;
  descriptor.digest = measured.digest;
  descriptor.size = measured.size;
  return descriptor;
}

}  // namespace davit::transport
