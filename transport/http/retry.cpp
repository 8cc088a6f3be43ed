#include "transport/http/retry.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <iomanip>
#include <limits>
#include <locale>
#include <random>
#include <sstream>

#include "oci/base/tasks.hpp"
#include "oci/base/text.hpp"
#include "oci/base/times.hpp"
#include "transport/http/resume.hpp"

namespace davit::transport {
namespace {

using oci::Error;
using oci::ErrorKind;
using std::chrono::milliseconds;

/// A resumed transfer that moves this much is slow, not stuck.
constexpr std::uint64_t progress_size = 1 * oci::MiB;

double system_random() {
  thread_local std::mt19937_64 engine{std::random_device{}()};
  return std::uniform_real_distribution<double>(0, 1)(engine);
}

class Retry final : public Transport {
 public:
  Retry(Transport& next, RetryOptions options) : next_(next), options_(std::move(options)) {}

  Response send(const oci::Call& call, const Request& request, Receiver* into) override {
    if (!request.repeatable) return next_.send(call, request, into);
    oci::NullSink nowhere;
    Into nobody(nowhere);
    Resume resume(request, into != nullptr ? *into : nobody);
    // A request for a range of the caller's own is not split further.
    const bool resumable = request.resumable && !request.headers.get("Range");
    std::uint64_t taken = 0;
    for (Attempts attempts(call, options_);;) {
      if (resume.taken() >= taken + progress_size) attempts.renew();
      taken = resume.taken();
      try {
        Response response = next_.send(call, resume.request(), into != nullptr ? &resume : nullptr);
        if (response.declined || !attempts.again(response)) {
          response.tries = attempts.tries();
          if (response.declined || !resumable) return response;
          return resume.finish(std::move(response));
        }
      } catch (const Error& error) {
        const bool final = resume.sink_failed() || (resume.taken() > 0 && !resumable);
        if (final || error.kind() != ErrorKind::unavailable) throw;
        if (resume.complete()) return resume.finish({.status = 206, .headers = {}, .url = {}});
        if (!attempts.again(error)) throw attempts.counted(error);
      }
    }
  }

 private:
  Transport& next_;
  const RetryOptions options_;
};

}  // namespace

bool is_temporary(int status) {
  static constexpr int temporary[] = {408, 425, 429, 500, 502, 503, 504};
  return std::find(std::begin(temporary), std::end(temporary), status) != std::end(temporary);
}

std::optional<std::chrono::system_clock::time_point> parse_http_date(const std::string& text) {
  std::tm date{};
  std::istringstream stream(text);
  stream.imbue(std::locale::classic());
  stream >> std::get_time(&date, "%a, %d %b %Y %H:%M:%S");
  std::string zone;
  if (!(stream >> zone) || zone != "GMT") return std::nullopt;
  return oci::time_of(static_cast<std::uint64_t>(std::max<std::time_t>(0, ::timegm(&date))));
}

std::optional<milliseconds> retry_after(const Response& response,
                                        std::chrono::system_clock::time_point now) {
  const std::string text = response.headers.get("Retry-After").value_or("");
  if (text.empty()) return std::nullopt;
  if (text.find_first_not_of("0123456789") == std::string::npos) {
    // More than fits is as long as anything.
    const auto seconds = oci::parse_number(text, std::numeric_limits<std::uint32_t>::max());
    return seconds ? milliseconds(*seconds * 1000) : milliseconds::max();
  }
  const auto then = parse_http_date(text);
  if (!then) return std::nullopt;
  return std::max(milliseconds(0), std::chrono::duration_cast<milliseconds>(*then - now));
}

bool Attempts::again(const Error& error) {
  return error.kind() == ErrorKind::unavailable && !error.given_up() && wait(milliseconds(0));
}

bool Attempts::again(const Response& response) {
  if (!is_temporary(response.status)) return false;
  const auto now = options_.now ? options_.now() : std::chrono::system_clock::now();
  return wait(retry_after(response, now).value_or(milliseconds(0)));
}

bool Attempts::wait(milliseconds wish) {
  if (failures_ >= options_.retries) return false;
  milliseconds longest = options_.first_delay;
  for (int i = 0; i < failures_ && longest < options_.greatest_delay; ++i) longest *= 2;
  longest = std::min(longest, options_.greatest_delay);
  ++failures_;
  ++tries_;
  // Jitter comes on top of a wish, or all that were sent away together come back together.
  const double share = options_.random ? options_.random() : system_random();
  const milliseconds jitter(std::llround(share * static_cast<double>(longest.count())));
  const milliseconds time = std::min(wish, options_.greatest_wish) + jitter;
  if (options_.sleep) {
    options_.sleep(time);
  } else {
    oci::sleep_for(call_, time);
  }
  return true;
}

Error Attempts::counted(const Error& error) const { return error.after_tries(tries_); }

std::unique_ptr<Transport> make_retry(Transport& next, RetryOptions options) {
  return std::make_unique<Retry>(next, std::move(options));
}

}  // namespace davit::transport
