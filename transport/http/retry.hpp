#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "oci/base/error.hpp"
#include "transport/http/transport.hpp"

namespace davit::transport {

struct RetryOptions {
  int retries = 5;  ///< after the first try
  std::chrono::milliseconds first_delay{250};
  std::chrono::milliseconds greatest_delay{30'000};
  /// A server that asks for more by Retry-After gets this.
  std::chrono::milliseconds greatest_wish{60'000};

  // The outside world, for tests to replace.
  std::function<double()> random;                        ///< [0, 1); empty: the system's
  std::function<void(std::chrono::milliseconds)> sleep;  ///< empty: until the time or a stop
  std::function<std::chrono::system_clock::time_point()> now;
};

/// 408, 425, 429, 500, 502, 503 and 504: trying later can help.
bool is_temporary(int status);

/// An HTTP date in the form that is written today (RFC 9110, section 5.6.7); nothing for other
/// text.
std::optional<std::chrono::system_clock::time_point> parse_http_date(const std::string& text);

/// How long the answer asks to wait: Retry-After in seconds or as an HTTP date (RFC 9110, section
/// 10.2.3). Nothing if it does not, or not in a form that means anything.
std::optional<std::chrono::milliseconds> retry_after(const Response& response,
                                                     std::chrono::system_clock::time_point now);

/// The tries at one thing, with growing waits between them (full jitter: any time up to 250 ms,
/// 500 ms, 1 s ...). Whoever repeats more than one request, as an upload does, goes
///
///     for (Attempts attempts(call, options);;) {
///       try {
///         return upload();
///       } catch (const oci::Error& error) {
///         if (!attempts.again(error)) throw attempts.counted(error);
///       }
///     }
class Attempts {
 public:
  Attempts(const oci::Call& call, const RetryOptions& options) : call_(call), options_(options) {}

  /// Waits and says yes, if trying again can help and tries are left: not after an error that was
  /// given up by whoever tried before. Throws Error(interrupted).
  bool again(const oci::Error& error);
  bool again(const Response& response);

  /// The last try got further than the one before: the tries begin anew.
  void renew() { failures_ = 0; }

  int tries() const { return tries_; }
  /// The error as given up, with the number of tries in its message where there were several.
  oci::Error counted(const oci::Error& error) const;

 private:
  bool wait(std::chrono::milliseconds wish);

  const oci::Call call_;
  const RetryOptions& options_;
  int failures_ = 0;  ///< since the last progress
  int tries_ = 1;
};

/// Tries again what is repeatable. An answer that breaks off goes on where it stopped, if the
/// request is resumable (Range, and If-Range where there is a strong ETag), and its status is then
/// 200 as if it had come in one piece; a try that moved a mebibyte renews the others. A sink that
/// took bytes of anything else, or that failed itself, ends it. When the tries are used up the last
/// answer is returned, or the last error thrown.
std::unique_ptr<Transport> make_retry(Transport& next, RetryOptions options);

}  // namespace davit::transport
