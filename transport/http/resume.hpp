#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "transport/http/transport.hpp"

namespace davit::transport {

/// "bytes 5-9/10", "bytes 5-9/*" or "bytes */10" (RFC 9110, section 14.4).
struct ContentRange {
  std::optional<std::uint64_t> first;  ///< absent in the last form
  std::optional<std::uint64_t> total;  ///< absent where it is "*"

  /// Nothing if the text is malformed.
  static std::optional<ContentRange> parse(std::string_view text);
};

/// One answer that arrives by several requests: remembers what the receiver took, asks for the
/// rest, and checks that it is the rest that comes.
class Resume final : public Receiver {
 public:
  Resume(const Request& request, Receiver& to) : request_(request), to_(to) {}

  /// For the next try.
  Request request() const;

  /// Bytes that the sink has taken.
  std::uint64_t taken() const { return taken_; }
  /// The sink has all of the range that was asked for, whatever became of the connection.
  bool complete() const { return request_.range && taken_ == request_.range->size; }
  /// The sink failed, rather than the transfer.
  bool sink_failed() const { return sink_failed_; }

  /// Judges a whole answer: 416 is a success if nothing was missing. Throws Error(corrupt) if the
  /// rest cannot be had.
  Response finish(Response response) const;

  bool begin(const Response& response) override;
  void write(oci::Bytes bytes) override;

 private:
  /// Where in the content the next byte stands.
  std::uint64_t position() const { return (request_.range ? request_.range->first : 0) + taken_; }

  const Request& request_;
  Receiver& to_;
  std::string etag_;
  std::uint64_t taken_ = 0;
  std::uint64_t skip_ = 0;  ///< bytes of this answer that the sink has already
  bool sink_failed_ = false;
};

}  // namespace davit::transport
