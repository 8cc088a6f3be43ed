#pragma once

#include "oci/base/call.hpp"
#include "transport/http/curl_options.hpp"
#include "transport/http/url.hpp"

namespace davit::transport {

enum class TlsSupport {
  spoken,       ///< whatever its certificate is worth
  not_spoken,   ///< something else answers
  unreachable,  ///< nobody answers, or connections are refused
};

/// What stands at an origin's host and port. No request is sent and no certificate judged, so the
/// answer decides whether to speak plain HTTP to a loopback host, and nothing else.
TlsSupport probe_tls(const oci::Call& call, const CurlOptions& options, const Origin& origin);

}  // namespace davit::transport
