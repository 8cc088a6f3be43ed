#pragma once

#include "oci/base/call.hpp"
#include "oci/base/stream.hpp"
#include "transport/http/message.hpp"

namespace davit::transport {

/// Takes the body of a successful answer, and may decline it.
struct Receiver : oci::Sink {
  /// Told status and headers of a 2xx answer before the first byte of its body, also where it has
  /// none. With false the exchange ends there: `send` returns the answer as `declined`.
  virtual bool begin(const Response& response) = 0;
};

/// A sink that takes whatever comes.
class Into final : public Receiver {
 public:
  explicit Into(oci::Sink& sink) : sink_(sink) {}
  bool begin(const Response&) override { return true; }
  void write(oci::Bytes bytes) override { sink_.write(bytes); }

 private:
  oci::Sink& sink_;
};

/// One request, one answer. Decorators add tracing, redirects, authentication and retries.
struct Transport {
  virtual ~Transport() = default;

  /// Sends and waits. The body of a 2xx answer goes into `into` if there is one; every other body
  /// into the response. Any status is an answer; Error(unavailable) is thrown for none: no
  /// connection, a stall, an end in the middle. Error(failed) for what trying again will not
  /// mend: a wrong certificate. Error(interrupted) as soon as the call is stopped. Whatever a
  /// receiver or a body's content throws passes through.
  virtual Response send(const oci::Call& call, const Request& request,
                        Receiver* into = nullptr) = 0;
};

}  // namespace davit::transport
