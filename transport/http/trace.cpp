#include "transport/http/trace.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "oci/base/error.hpp"
#include "oci/base/log.hpp"
#include "oci/base/text.hpp"

namespace davit::transport {
namespace {

using Clock = std::chrono::steady_clock;

/// Secrets have many names, so that part of a name is enough. What AWS asks for in a support case
/// is none.
bool is_secret(const std::string& name) {
  static constexpr std::array<std::string_view, 4> harmless = {
      "www-authenticate", "x-amz-request-id", "x-amz-id-2", "x-amz-target"};
  static constexpr std::array<std::string_view, 8> secret = {
      "auth", "cookie", "token", "secret", "password", "credential", "api-key", "x-amz-"};
  if (std::find(harmless.begin(), harmless.end(), name) != harmless.end()) return false;
  return std::any_of(secret.begin(), secret.end(),
                     [&](std::string_view part) { return name.find(part) != std::string::npos; });
}

/// Location and the targets of Link are URLs with queries of their own.
std::string mask_queries(const Url& base, std::string_view text) {
  const auto open = text.find('<');
  const auto close = std::min(text.find('>'), text.size());
  const std::string_view target =
      open < close ? text.substr(open + 1, close - open - 1) : text.substr(0, text.find(','));
  try {
    return base.resolve(target).masked();
  } catch (const oci::Error&) {
    return "***";
  }
}

std::string shown(const Url& base, const std::string& name, const std::string& value) {
  const std::string lower = oci::lower_case(name);
  if (is_secret(lower)) return "***";
  if (lower == "location" || lower == "content-location" || lower == "link") {
    return mask_queries(base, value);
  }
  return oci::printable(value);
}

void log_headers(char direction, const Url& base, const Headers& headers) {
  for (const auto& [name, value] : headers.fields()) {
    oci::log(oci::LogLevel::debug,
             fmt::format("{} {}: {}", direction, oci::printable(name), shown(base, name, value)));
  }
}

class Trace final : public Transport {
 public:
  explicit Trace(Transport& next) : next_(next) {}

  Response send(const oci::Call& call, const Request& request, Receiver* into) override {
    const auto start = Clock::now();
    const auto line = [&](std::string_view outcome) {
      const auto time = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start);
      oci::log(oci::LogLevel::info, fmt::format("{} {}: {}, {} ms", request.method,
                                                request.url.masked(), outcome, time.count()));
    };
    try {
      Response response = next_.send(call, request, into);
      line(std::to_string(response.status));
      log_headers('>', request.url, request.headers);
      log_headers('<', response.url, response.headers);
      return response;
    } catch (const std::exception& error) {
      line(error.what());
      log_headers('>', request.url, request.headers);
      throw;
    }
  }

 private:
  Transport& next_;
};

}  // namespace

std::unique_ptr<Transport> make_trace(Transport& next) { return std::make_unique<Trace>(next); }

}  // namespace davit::transport
