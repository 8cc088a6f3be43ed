#pragma once

#include <memory>

#include "transport/http/curl_options.hpp"
#include "transport/http/transport.hpp"

namespace davit::transport {

/// HTTP/1.1 by libcurl, for many threads at a time. Connections stay open and are used again, each
/// for its own origin and address rule alone. Follows no redirects, keeps no cookies, knows no
/// credentials. A stop is Error(interrupted) within milliseconds, unless a body's content or a sink
/// is what holds the transfer up.
///
/// The files that the options name are looked at here, before anything is sent: a missing one is
/// Error(not_found). What they hold is looked at when a connection is made.
std::unique_ptr<Transport> make_curl(CurlOptions options);

}  // namespace davit::transport
