#pragma once

#include <memory>

#include "transport/http/curl_options.hpp"
#include "transport/http/transport.hpp"

namespace davit::transport {

struct CurlHandles;

/// libcurl's handles for one transfer after the other, over a connection that stays open between
/// them. Used by one thread at a time.
class CurlSession {
 public:
  CurlSession();
  ~CurlSession();
  CurlSession(const CurlSession&) = delete;
  CurlSession& operator=(const CurlSession&) = delete;

  /// Errors are those of Transport::send.
  Response send(const oci::Call& call, const CurlOptions& options, const Request& request,
                Receiver* into);

 private:
  std::unique_ptr<CurlHandles> handles_;
};

}  // namespace davit::transport
