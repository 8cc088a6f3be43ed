#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/connection.hpp"
#include "transport/http/message.hpp"

namespace davit::tests {

/// What goes wrong with a request, or which habit of some registry it shows. Unless it says
/// otherwise the registry does its part as usual, and several may meet in one request.
enum class FaultKind {
  // Instead of the registry's answer; the request takes no effect.
  status,        ///< `status`, `headers`, `body`
  early_status,  ///< the same before the request's body is read, then close
  challenge,     ///< 401 with the registry's own challenge
  html,          ///< `status` (200 if not set) and an HTML page
  redirect,      ///< 307 to the same path and query on the second port, or as `headers` say
  raw,           ///< `body` as it is, which need not be HTTP, then close

  // In time.
  delay,          ///< waits `delay` before it serves the request
  stall_request,  ///< after `bytes` bytes of the body reads no more for `delay`; 0: for ever
  stall_answer,   ///< after `bytes` bytes of the body sends no more for `delay`; 0: for ever

  // The connection breaks.
  cut_request,  ///< after `bytes` bytes of the request's body
  lose_answer,  ///< after the request took effect
  cut_answer,   ///< after `bytes` bytes of the answer's body

  // The answer lies.
  wrong_length,       ///< Content-Length is `bytes`
  flip_byte,          ///< byte `bytes` of the body is another
  wrong_digest,       ///< Docker-Content-Digest is that of other content
  no_digest,          ///< Docker-Content-Digest is missing (ECR, GET of manifests)
  ignore_range,       ///< 200 and the whole blob for a Range
  wrong_range,        ///< 206 with the range one byte later than asked for
  ignore_mount,       ///< 202 and an upload session for a mount (ECR)
  created,            ///< 201 where 202 is due (ECR, PATCH)
  stale_range,        ///< the Range of an upload stays at the end of its first chunk (ECR)
  upload_elsewhere,   ///< Location is on the second port
  relative_location,  ///< Location has no host
};

/// Which port: the registry's, or the second one, where blobs can be redirected to.
enum class Port { registry, blob_host };

inline constexpr int always = std::numeric_limits<int>::max();

struct Fault {
  std::string method = {};  ///< any if empty
  std::string path = {};    ///< a regular expression found in path and query; any if empty
  int after = 0;            ///< so many requests that match are served well first
  int times = 1;            ///< and so many are not
  FaultKind kind = FaultKind::status;

  int status = 0;  ///< 503 if not set
  transport::Headers headers = {};
  std::string body = {};
  std::uint64_t bytes = 0;
  std::chrono::milliseconds delay{0};
  Closing closing = Closing::fin;
  Port port = Port::registry;
};

/// "method=PATCH;path=/blobs/uploads/;kind=cut_request;bytes=1000": the members above by name;
/// times=always; closing=reset; port=blob_host; header=NAME: VALUE, repeatable; delay in
/// milliseconds. Throws std::invalid_argument.
Fault parse_fault(std::string_view text);

/// The faults to come. Thread-safe.
class Faults {
 public:
  Faults();
  ~Faults();
  void add(Fault fault);
  void clear();
  /// The faults that strike this request; each counts it.
  std::vector<Fault> strike(Port port, std::string_view method, const std::string& target);

 private:
  struct Armed;
  std::mutex mutex_;
  std::vector<Armed> armed_;
};

}  // namespace davit::tests
