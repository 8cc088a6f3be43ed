#pragma once

#include <memory>

#include "transport/http/transport.hpp"

namespace davit::transport {

/// Logs one line a request (info: method, URL, status, milliseconds), and the headers of both
/// directions (debug). Secrets in them and in URLs are masked; bodies are never shown.
std::unique_ptr<Transport> make_trace(Transport& next);

}  // namespace davit::transport
