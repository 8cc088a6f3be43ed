#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "oci/base/pipe.hpp"
#include "transport/http/transport.hpp"

namespace davit::transport {

/// The body of a request on its way out, in pieces. The last piece of a body of known size is held
/// back until its content has ended well: content that fails at its very end, by a digest that
/// does not match, never arrives whole.
class Outgoing {
 public:
  Outgoing(const oci::Call& call, const Request& request);

  /// Copies what is ready and says how much that is; 0 if nothing is, or at the end.
  std::size_t take(std::span<char> into);
  bool at_end() const { return ended_ && ready_.empty(); }

  /// Waits for the next piece, which may be none at the end. Throws what the content throws, and
  /// Error(corrupt) if it does not have the size that was promised.
  void fetch();

  /// Begins again from the first byte.
  void restart();

 private:
  void check_size() const;

  const oci::Call& call_;
  const Request& request_;
  std::unique_ptr<oci::Reader> reader_;
  std::vector<std::byte> buffer_;
  std::span<const std::byte> ready_;
  std::uint64_t fetched_ = 0;
  bool ended_ = false;
};

/// An answer on its way in: header lines are collected within limits, the body goes where it
/// belongs.
class Incoming {
 public:
  /// More is nothing that a registry sends.
  static constexpr std::size_t header_limit = 128 * 1024;
  static constexpr std::size_t field_limit = 256;
  /// How much of a failure's body is kept: enough for any message.
  static constexpr std::size_t failure_limit = 64 * 1024;

  Incoming(const Request& request, Receiver* into) : request_(request), into_(into) {}

  /// One line with or without its line end; a status line begins a new answer (after a 100).
  /// Throws Error(corrupt) beyond the limits.
  void header(std::string_view line);

  /// False once enough of a failure is known, and for a body that is declined. Throws what the
  /// receiver throws, and Error(corrupt) when
  /// a success is larger than the request's limit.
  bool body(oci::Bytes bytes);

  /// The headers are there, and are no success: worth more than an error after them.
  bool is_failure() const { return complete_ && !response_.ok(); }
  bool has_begun() const { return header_bytes_ > 0; }

  /// After the end; a success without any body is told here.
  Response finish();

 private:
  void begin_body();

  const Request& request_;
  Receiver* into_;
  Response response_;
  std::size_t header_bytes_ = 0;
  bool complete_ = false;
  bool in_body_ = false;
};

}  // namespace davit::transport
