#pragma once

#include "oci/base/stream.hpp"
#include "transport/http/message.hpp"

namespace davit::transport {

/// One request, one answer. Decorators add tracing, redirects, authentication and retries.
struct Transport {
  virtual ~Transport() = default;

  /// Sends and waits. The body of a 2xx answer goes into `into` if there is one; every other body
  /// into the response. Any status is an answer; Error(unavailable) is thrown for none: no
  /// connection, a stall, an end in the middle. Error(failed) for what trying again will not
  /// mend: a wrong certificate. Whatever a sink or a body's content throws passes through.
  virtual Response send(const Request& request, oci::Sink* into = nullptr) = 0;
};

}  // namespace davit::transport
