#pragma once

#include <atomic>
#include <chrono>
#include <mutex>
#include <string>
#include <string_view>

#include "oci/base/error.hpp"
#include "transport/aws/keys.hpp"
#include "transport/http/retry.hpp"
#include "transport/http/transport.hpp"

namespace davit::transport::aws {

/// Which service is spoken to, and where.
struct ServiceEndpoint {
  Url url;
  SigningScope scope;
  std::string target;  ///< "AmazonEC2ContainerRegistry_V20150921"
};

/// An answer: a document, or what went wrong.
struct ServiceReply {
  int status = 0;
  std::string body;     ///< JSON
  std::string code;     ///< "RepositoryNotFoundException"; empty where all is well
  std::string message;  ///< made printable
  int tries = 1;

  bool ok() const { return code.empty() && status >= 200 && status < 300; }
};

/// The Error for a reply that is not the one hoped for: `what` says of which call. Denials name
/// the action and the resource that the service names.
oci::Error service_error(const ServiceReply& reply, std::string_view what);

/// Calls of one AWS service by its JSON protocol, each signed anew. Tries again what can help, in
/// the "standard" mode of the AWS SDKs: throttling, server errors and lost connections, with
/// growing waits, as long as a budget lasts that failures use up and success refills. A clock that
/// is off is corrected by the service's, once; keys taken for expired are fetched anew, once. Safe
/// for many threads. What it is made of outlives it.
class Service {
 public:
  /// `retry.retries` counts after the first try.
  Service(ServiceEndpoint endpoint, KeyRing& keys, Transport& transport, RetryOptions retry,
          WallClock now = std::chrono::system_clock::now);

  const ServiceEndpoint& endpoint() const { return endpoint_; }
  /// How far the service's clock is before ours, as far as that has mattered.
  std::chrono::seconds skew() const { return std::chrono::seconds(skew_seconds_.load()); }

  /// The answer to an operation ("DescribeImages") with this JSON, once no further try helps.
  /// Throws Error(unavailable) where there was none.
  ServiceReply call(const oci::Call& call, std::string_view operation, std::string_view body);

  /// The same, and `service_error` thrown for anything but success.
  std::string require(const oci::Call& call, std::string_view operation, std::string_view body,
                      std::string_view what);

 private:
  ServiceReply send(const oci::Call& call, std::string_view operation, std::string_view body,
                    bool& corrected);
  bool spend(int cost);
  void refill();

  const ServiceEndpoint endpoint_;
  KeyRing& keys_;
  Transport& transport_;
  const RetryOptions retry_;
  const WallClock now_;
  std::atomic<std::int64_t> skew_seconds_ = 0;  // the service's clock minus ours
  std::mutex mutex_;
  int budget_;
};

}  // namespace davit::transport::aws
