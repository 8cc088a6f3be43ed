#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/certificate.hpp"
#include "tests/support/connection.hpp"
#include "transport/http/message.hpp"

namespace davit::tests {

/// An answer, whole or spoilt.
struct Answer {
  int status = 200;
  transport::Headers headers = {};
  std::string_view body = {};
  std::shared_ptr<const std::string> owner = {};  ///< keeps what `body` views alive

  std::optional<std::uint64_t> announced = std::nullopt;    ///< Content-Length, if not the true one
  std::optional<std::uint64_t> cut_after = std::nullopt;    ///< bytes of the body, then close
  std::optional<std::uint64_t> stall_after = std::nullopt;  ///< bytes of the body, then wait
  std::chrono::milliseconds stall_time{0};                  ///< 0: until the client leaves
  Closing closing = Closing::fin;                           ///< how a cut is made
  std::optional<std::string> raw = std::nullopt;  ///< sent instead of all this, then close

  void set_body(std::string text);
};

using Parameters = std::vector<std::pair<std::string, std::string>>;

/// A query or a form, decoded. Names can repeat.
Parameters parse_parameters(std::string_view text);
std::optional<std::string> parameter(const Parameters& parameters, std::string_view name);

/// One request, while it is being served.
class Exchange {
 public:
  Exchange(Connection& connection, const std::string& head);

  const std::string& method() const { return method_; }
  const std::string& target() const { return target_; }  ///< path and query as they came
  std::string_view path() const;
  std::string_view query() const;
  const transport::Headers& headers() const { return headers_; }

  /// The next bytes of the body; 0 at its end. Asks for it first if the client waits for "100
  /// Continue". Throws ConnectionLost.
  std::size_t read(std::span<char> into);
  std::string read_all();
  bool has_body() const { return chunked_ || length_ > 0; }
  std::optional<std::uint64_t> announced_body() const;
  std::uint64_t body_bytes() const { return body_bytes_; }

  /// The body's reader throws after so many bytes, or waits once (0: until the client leaves).
  void cut_body_after(std::uint64_t bytes) { cut_body_ = bytes; }
  void stall_body_after(std::uint64_t bytes, std::chrono::milliseconds time);
  /// Waits. Throws ConnectionLost if the client leaves meanwhile.
  void pause(std::chrono::milliseconds time);

  /// Once. A body that was not read is read and dropped if it is short; else the connection
  /// closes after the answer.
  void send(const Answer& answer);
  /// No answer: the connection just ends.
  [[noreturn]] void drop(Closing closing = Closing::fin);

  enum class Next { another_request, close };
  Next next() const { return next_; }

 private:
  void drop_short_body();

  Connection& connection_;
  std::string method_;
  std::string target_;
  transport::Headers headers_;
  bool chunked_ = false;
  bool awaits_continue_ = false;
  bool body_done_ = false;
  std::uint64_t length_ = 0;     ///< of the body, unless it is chunked
  std::uint64_t remaining_ = 0;  ///< of the body, or of the current chunk
  std::uint64_t body_bytes_ = 0;
  std::optional<std::uint64_t> cut_body_;
  std::optional<std::uint64_t> stall_body_;
  std::chrono::milliseconds stall_time_{0};
  Next next_ = Next::another_request;
};

/// An HTTP/1.1 server on a loopback port of the kernel's choice, a thread a connection, that can
/// break any rule on purpose: the reason it is not a library's.
class HttpServer {
 public:
  using Handler = std::function<void(Exchange&)>;

  explicit HttpServer(Handler handler, TlsContext tls = nullptr);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::uint16_t port() const { return port_; }
  /// Cuts what is still open and waits for the last handler.
  void stop();
  /// Connections accepted so far.
  std::size_t connections() const { return connections_; }

 private:
  struct Session;
  void accept_all();
  void serve(Session& session);
  void join_finished();

  const Handler handler_;
  const TlsContext tls_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<std::size_t> connections_ = 0;
  std::mutex mutex_;
  bool stopping_ = false;
  std::vector<std::unique_ptr<Session>> sessions_;
  std::thread acceptor_;
};

}  // namespace davit::tests
