#include "transport/registry/chunks.hpp"

#include <fmt/format.h>

#include <cstring>

#include "oci/base/text.hpp"
#include "transport/registry/failure.hpp"

namespace davit::transport {
namespace {

/// ECR: "First byte of the layer part is 0 instead of 11304960"; others: Range.
std::optional<std::uint64_t> wanted_offset(const Response& response) {
  constexpr std::string_view words = "instead of ";
  const std::string message = registry_error(response).message;
  if (const auto at = message.rfind(words); at != std::string::npos) {
    std::string_view rest = std::string_view(message).substr(at + words.size());
    if (const auto offset = oci::take_number(rest)) return offset;
  }
  return held_bytes(response);
}

/// One try at a chunk that begins at `offset`: how many bytes of the blob the registry then has.
std::uint64_t send_once(UploadSession& session, const Chunk& chunk, std::uint64_t offset) {
  const oci::Bytes bytes = chunk.bytes();
  const Body body{[bytes](const oci::Call&, oci::Sink& sink) { sink.write(bytes); }, bytes.size()};
  const Response response =
      session.patch(body, fmt::format("{}-{}", offset, offset + bytes.size() - 1));
  if (response.ok()) return offset + bytes.size();
  if (response.status == 416) {
    const auto wanted = wanted_offset(response);
    if (wanted && *wanted != offset) return *wanted;
  }
  throw session.failed(response);
}

/// After a failure: our own count is the truth unless the registry says that it has more.
std::uint64_t offset_after_failure(UploadSession& session, const Chunk& chunk,
                                   std::uint64_t offset) {
  const auto held = session.held();
  if (!held || *held < offset || *held > offset + chunk.bytes().size()) return offset;
  return *held;
}

}  // namespace

void Chunk::fill(oci::Reader& content) {
  while (!ended_ && size_ < buffer_.size()) {
    const std::size_t n = content.read(std::span(buffer_).subspan(size_));
    if (n == 0) ended_ = true;
    size_ += n;
  }
}

void Chunk::drop(std::size_t count) {
  std::memmove(buffer_.data(), buffer_.data() + count, size_ - count);
  size_ -= count;
}

void send_chunks(UploadSession& session, Chunk& chunk, oci::Reader& content, Attempts& attempts) {
  std::uint64_t offset = 0;
  for (chunk.fill(content); !chunk.bytes().empty(); chunk.fill(content)) {
    std::uint64_t held = 0;
    try {
      held = send_once(session, chunk, offset);
    } catch (const oci::Error& error) {
      if (!attempts.again(error)) throw;
      held = offset_after_failure(session, chunk, offset);
    }
    if (held < offset || held > offset + chunk.bytes().size()) {
      throw oci::Error(oci::ErrorKind::unavailable,
                       fmt::format("{}: the registry wants to go on at byte {}, not at {}",
                                   session.what(), held, offset));
    }
    if (held == offset) continue;
    attempts.renew();
    chunk.drop(held - offset);
    offset = held;
  }
}

}  // namespace davit::transport
