#pragma once

#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "transport/http/transport.hpp"

namespace davit::tests {

/// A request as it was sent, its body collected.
struct SentRequest {
  std::string method;
  std::string url;
  transport::Headers headers;
  std::string body;
  transport::Addresses addresses = transport::Addresses::any;

  std::string authorization() const { return headers.get("Authorization").value_or(""); }
};

inline transport::Response answer(int status, std::string body = {},
                                  transport::Headers headers = {}) {
  return {.status = status, .headers = std::move(headers), .body = std::move(body)};
}

/// A transport without a network: a function answers, or a script of answers, used one after the
/// other and the last again and again. Keeps what was sent. Safe for many threads; the function
/// runs in the sender's.
class FakeTransport final : public transport::Transport {
 public:
  using Handler = std::function<transport::Response(const SentRequest&)>;

  explicit FakeTransport(Handler handler) : handler_(std::move(handler)) {}
  explicit FakeTransport(std::deque<transport::Response> script) : script_(std::move(script)) {}

  transport::Response send(const oci::Call& call, const transport::Request& request,
                           transport::Receiver* into) override {
    SentRequest sent{request.method, request.url.str(), request.headers, {}, request.addresses};
    if (request.body)
      sent.body = oci::collect(call, request.body->content, 16 * oci::MiB, "a body");
    {
      const std::lock_guard lock(mutex_);
      sent_.push_back(sent);
    }
    transport::Response response = handler_ ? handler_(sent) : next_of_script();
    if (response.url.origin.host.empty()) response.url = request.url;
    if (response.ok() && into != nullptr) {
      response.declined = !into->begin(response);
      if (response.declined) return response;
      into->write(oci::bytes_of(response.body));
      response.body.clear();
    }
    return response;
  }

  std::vector<SentRequest> sent() const {
    const std::lock_guard lock(mutex_);
    return sent_;
  }

 private:
  transport::Response next_of_script() {
    const std::lock_guard lock(mutex_);
    transport::Response response = script_.at(0);
    if (script_.size() > 1) script_.pop_front();
    return response;
  }

  const Handler handler_;
  mutable std::mutex mutex_;
  std::deque<transport::Response> script_;
  std::vector<SentRequest> sent_;
};

}  // namespace davit::tests
