#include "transport/aws/service.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "oci/base/bytes.hpp"
#include "oci/base/text.hpp"
#include "oci/model/json.hpp"

namespace davit::transport::aws {
namespace {

using oci::Error;
using oci::ErrorKind;

/// What the SDKs begin with, and what a further try costs of it.
constexpr int whole_budget = 500;
constexpr int try_cost = 5;

/// Signatures are good for five minutes around the service's time.
constexpr std::int64_t tolerated_skew_seconds = 240;

bool is_throttling(std::string_view code) {
  static constexpr std::array<std::string_view, 10> codes = {
      "Throttling",           "ThrottlingException",       "ThrottledException",
      "RequestThrottled",     "RequestThrottledException", "TooManyRequestsException",
      "RequestLimitExceeded", "BandwidthLimitExceeded",    "SlowDown",
      "EC2ThrottledException"};
  return oci::is_one_of(codes, code);
}

/// Whether the same call can succeed later. (LimitExceededException is a quota: it cannot.)
bool may_succeed_later(const ServiceReply& reply) {
  static constexpr std::array<std::string_view, 4> codes = {
      "RequestTimeout", "RequestTimeoutException", "PriorRequestNotComplete", "ServerException"};
  return transport::is_temporary(reply.status) || is_throttling(reply.code) ||
         oci::is_one_of(codes, reply.code);
}

bool may_be_the_clock(std::string_view code) {
  static constexpr std::array<std::string_view, 7> codes = {
      "RequestTimeTooSkewed",        "RequestExpired", "InvalidSignatureException",
      "SignatureDoesNotMatch",       "AuthFailure",    "RequestInTheFuture",
      "IncompleteSignatureException"};
  return oci::is_one_of(codes, code);
}

bool says_keys_expired(std::string_view code) {
  static constexpr std::array<std::string_view, 2> codes = {"ExpiredTokenException",
                                                            "ExpiredToken"};
  return oci::is_one_of(codes, code);
}

bool is_denial(std::string_view code) {
  static constexpr std::array<std::string_view, 8> codes = {
      "AccessDeniedException", "AccessDenied",          "UnrecognizedClientException",
      "InvalidClientTokenId",  "MissingAuthentication", "MissingAuthenticationTokenException",
      "UnauthorizedOperation", "OptInRequired"};
  return oci::is_one_of(codes, code) || says_keys_expired(code) || may_be_the_clock(code);
}

ErrorKind kind_of(const ServiceReply& reply) {
  const std::string_view code = reply.code;
  if (may_succeed_later(reply)) return ErrorKind::unavailable;
  if (is_denial(code)) return ErrorKind::denied;
  if (code.ends_with("NotFoundException") || code.ends_with("NotFound")) {
    return ErrorKind::not_found;
  }
  if (code.starts_with("ImageTagAlreadyExists") || code.starts_with("LimitExceeded") ||
      code.starts_with("RepositoryNotEmpty") || code.starts_with("BlockedByOrganizationPolicy")) {
    return ErrorKind::refused;
  }
  if (code.empty() && (reply.status == 401 || reply.status == 403)) return ErrorKind::denied;
  return ErrorKind::failed;
}

std::string hint_for(const ServiceReply& reply) {
  if (says_keys_expired(reply.code)) return "the AWS credentials in use have expired: renew them";
  if (may_be_the_clock(reply.code)) {
    return "the clock of this machine may be off, or the secret key is another one's";
  }
  if (reply.code == "UnrecognizedClientException" || reply.code == "InvalidClientTokenId") {
    return "AWS does not know these keys, or they are of another partition";
  }
  if (is_denial(reply.code)) return "the role or user in use is not allowed to do this";
  return {};
}

/// "prefix#Code:more", as some services have it, comes down to "Code".
std::string short_code(std::string_view type) {
  type = type.substr(0, type.find(':'));
  if (const auto hash = type.rfind('#'); hash != std::string_view::npos) {
    type.remove_prefix(hash + 1);
  }
  return oci::printable(type.substr(0, 100));
}

ServiceReply reply_of(Response response) {
  ServiceReply reply;
  reply.status = response.status;
  reply.body = std::move(response.body);
  if (response.ok()) return reply;
  std::string type = response.headers.get("x-amzn-errortype").value_or("");
  try {
    const oci::Json json = oci::parse_json(reply.body, "the answer");
    if (std::string said = oci::string_member(json, "__type", "the answer"); !said.empty()) {
      type = std::move(said);
    }
    reply.message = oci::string_member(json, "message", "the answer");
    if (reply.message.empty()) reply.message = oci::string_member(json, "Message", "the answer");
    reply.message = oci::printable(reply.message.substr(0, 1000));
  } catch (const Error&) {
    // What stands between us and the service answers as it likes; the status says enough.
  }
  reply.code = short_code(type);
  return reply;
}

}  // namespace

oci::Error service_error(const ServiceReply& reply, std::string_view what) {
  const std::string said = reply.message.empty() ? "" : ": " + reply.message;
  const std::string code = reply.code.empty() ? fmt::format("status {}", reply.status) : reply.code;
  return Error(kind_of(reply), fmt::format("{}: {}{}", what, code, said), hint_for(reply))
      .after_tries(reply.tries);
}

Service::Service(ServiceEndpoint endpoint, KeyRing& keys, Transport& transport, RetryOptions retry,
                 WallClock now)
    : endpoint_(std::move(endpoint)),
      keys_(keys),
      transport_(transport),
      retry_(std::move(retry)),
      now_(std::move(now)),
      budget_(whole_budget) {}

ServiceReply Service::call(const oci::Call& call, std::string_view operation,
                           std::string_view body) {
  bool corrected = false;
  for (Attempts attempts(call, retry_);;) {
    try {
      ServiceReply reply = send(call, operation, body, corrected);
      if (!may_succeed_later(reply)) {
        refill();
        return reply;
      }
      const Error error(ErrorKind::unavailable, reply.code);
      if (!spend(try_cost) || !attempts.again(error)) {
        reply.tries = attempts.tries();
        return reply;
      }
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::unavailable) throw;
      if (!spend(2 * try_cost) || !attempts.again(error)) throw attempts.counted(error);
    }
  }
}

std::string Service::require(const oci::Call& call, std::string_view operation,
                             std::string_view body, std::string_view what) {
  ServiceReply reply = this->call(call, operation, body);
  if (!reply.ok()) throw service_error(reply, what);
  return std::move(reply.body);
}

ServiceReply Service::send(const oci::Call& call, std::string_view operation, std::string_view body,
                           bool& corrected) {
  while (true) {
    Request request;
    request.method = "POST";
    request.url = endpoint_.url;
    request.headers.set("Content-Type", "application/x-amz-json-1.1");
    request.headers.set("X-Amz-Target", fmt::format("{}.{}", endpoint_.target, operation));
    sign(request, body, keys_.get(call), endpoint_.scope,
         now_() + std::chrono::seconds(skew_seconds_.load()));
    const std::string text(body);
    request.body = Body{oci::content_of(text), text.size()};
    const Response response = transport_.send(call, request);
    const auto time = parse_http_date(response.headers.get("Date").value_or(""));
    ServiceReply reply = reply_of(response);
    if (reply.ok() || std::exchange(corrected, true)) return reply;
    // Worth the same call again, once: with the service's time, or with new keys.
    const std::int64_t off =
        time ? std::chrono::duration_cast<std::chrono::seconds>(*time - now_()).count() -
                   skew_seconds_.load()
             : 0;
    if (may_be_the_clock(reply.code) && std::abs(off) > tolerated_skew_seconds) {
      skew_seconds_ += off;
    } else if (says_keys_expired(reply.code)) {
      keys_.drop();
    } else {
      corrected = false;
      return reply;
    }
  }
}

bool Service::spend(int cost) {
  const std::lock_guard lock(mutex_);
  if (budget_ < cost) return false;
  budget_ -= cost;
  return true;
}

void Service::refill() {
  const std::lock_guard lock(mutex_);
  budget_ = std::min(budget_ + 1, whole_budget);
}

}  // namespace davit::transport::aws
