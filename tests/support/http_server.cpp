#include "tests/support/http_server.hpp"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>

#include "oci/base/text.hpp"

namespace davit::tests {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t head_limit = 64 * 1024;
/// What a common server (Go's) reads of a body that its handler did not want.
constexpr std::uint64_t short_body = 256 * 1024;

int open_listener() {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (listener < 0 ||
      ::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener, 128) != 0) {
    throw std::system_error(errno, std::generic_category(), "listen");
  }
  return listener;
}

std::uint16_t port_of(int listener) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

std::uint64_t parse_number(std::string_view text, int base) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc()) throw ConnectionLost("not a number");
  return number;
}

std::string decode(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      decoded += static_cast<char>(parse_number(text.substr(i + 1, 2), 16));
      i += 2;
    } else {
      decoded += text[i] == '+' ? ' ' : text[i];
    }
  }
  return decoded;
}

std::string_view reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 206:
      return "Partial Content";
    case 307:
      return "Temporary Redirect";
    case 401:
      return "Unauthorized";
    case 404:
      return "Not Found";
    case 416:
      return "Range Not Satisfiable";
    case 429:
      return "Too Many Requests";
    default:
      return "Status";
  }
}

}  // namespace

void Answer::set_body(std::string text) {
  owner = std::make_shared<const std::string>(std::move(text));
  body = *owner;
}

Parameters parse_parameters(std::string_view text) {
  Parameters parameters;
  while (!text.empty()) {
    const std::string_view one = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), one.size() + 1));
    const std::size_t equals = std::min(one.size(), one.find('='));
    parameters.emplace_back(decode(one.substr(0, equals)),
                            decode(one.substr(std::min(one.size(), equals + 1))));
  }
  return parameters;
}

std::optional<std::string> parameter(const Parameters& parameters, std::string_view name) {
  for (const auto& [key, value] : parameters) {
    if (key == name) return value;
  }
  return std::nullopt;
}

Exchange::Exchange(Connection& connection, const std::string& head) : connection_(connection) {
  std::string_view rest = head;
  const auto line = [&rest] {
    const std::string_view text = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), text.size() + 1));
    return oci::trim(text);
  };
  const std::string_view first = line();
  const std::size_t a = first.find(' ');
  const std::size_t b = first.rfind(' ');
  if (a == std::string_view::npos || a == b) throw ConnectionLost("not a request");
  method_ = first.substr(0, a);
  target_ = first.substr(a + 1, b - a - 1);
  if (!target_.starts_with('/')) throw ConnectionLost("not a path");
  for (std::string_view text = line(); !text.empty(); text = line()) {
    const std::size_t colon = std::min(text.size(), text.find(':'));
    headers_.add(std::string(text.substr(0, colon)),
                 std::string(oci::trim(text.substr(std::min(text.size(), colon + 1)))));
  }
  chunked_ = headers_.get("Transfer-Encoding").value_or("") == "chunked";
  if (!chunked_) length_ = parse_number(headers_.get("Content-Length").value_or("0"), 10);
  remaining_ = length_;
  body_done_ = !has_body();
  awaits_continue_ = headers_.get("Expect").has_value() && has_body();
  if (headers_.get("Connection").value_or("") == "close") next_ = Next::close;
}

std::string_view Exchange::path() const {
  return std::string_view(target_).substr(0, target_.find('?'));
}

std::string_view Exchange::query() const {
  const std::size_t mark = target_.find('?');
  return mark == std::string::npos ? std::string_view()
                                   : std::string_view(target_).substr(mark + 1);
}

std::optional<std::uint64_t> Exchange::announced_body() const {
  return chunked_ ? std::nullopt : std::optional(length_);
}

void Exchange::stall_body_after(std::uint64_t bytes, std::chrono::milliseconds time) {
  stall_body_ = bytes;
  stall_time_ = time;
}

void Exchange::pause(std::chrono::milliseconds time) { connection_.pause(time); }

std::size_t Exchange::read(std::span<char> into) {
  if (cut_body_ && body_bytes_ >= *cut_body_) throw ConnectionLost("cut");
  if (stall_body_ && body_bytes_ >= *stall_body_) {
    stall_body_.reset();
    pause(stall_time_);
  }
  if (body_done_) return 0;
  if (std::exchange(awaits_continue_, false)) connection_.write("HTTP/1.1 100 Continue\r\n\r\n");
  if (remaining_ == 0) {
    remaining_ = parse_number(oci::trim(connection_.read_until("\n", head_limit)), 16);
    if (remaining_ == 0) {
      connection_.read_until("\n", head_limit);
      body_done_ = true;
      return 0;
    }
  }
  std::uint64_t most = std::min<std::uint64_t>(into.size(), remaining_);
  for (const auto& limit : {cut_body_, stall_body_}) {
    if (limit) most = std::min(most, *limit - body_bytes_);
  }
  const std::size_t got = connection_.read(into.first(most));
  if (got == 0) throw ConnectionLost("the body ends too early");
  body_bytes_ += got;
  remaining_ -= got;
  if (remaining_ == 0) {
    if (chunked_) {
      connection_.read_until("\n", head_limit);
    } else {
      body_done_ = true;
    }
  }
  return got;
}

std::string Exchange::read_all() {
  std::string text;
  for (std::array<char, 65536> piece;;) {
    const std::size_t got = read(piece);
    if (got == 0) return text;
    text.append(piece.data(), got);
  }
}

void Exchange::drop_short_body() {
  std::array<char, 65536> piece;
  if (awaits_continue_) return;
  for (std::uint64_t dropped = 0; !body_done_ && dropped < short_body;) dropped += read(piece);
}

void Exchange::send(const Answer& answer) {
  if (answer.raw) {
    connection_.write(*answer.raw);
    drop(answer.closing);
  }
  drop_short_body();
  if (!body_done_) next_ = Next::close;

  const bool bodiless = method_ == "HEAD" || answer.status == 204 || answer.status == 304;
  std::string head = fmt::format("HTTP/1.1 {} {}\r\n", answer.status, reason(answer.status));
  for (const auto& [name, value] : answer.headers.fields()) {
    head += fmt::format("{}: {}\r\n", name, value);
  }
  if (!answer.headers.get("Content-Length") && answer.status != 204) {
    head += fmt::format("Content-Length: {}\r\n", answer.announced.value_or(answer.body.size()));
  }
  if (next_ == Next::close) head += "Connection: close\r\n";
  connection_.write(head + "\r\n");

  std::string_view body = bodiless ? std::string_view() : answer.body;
  if (answer.stall_after && *answer.stall_after < body.size()) {
    connection_.write(body.substr(0, *answer.stall_after));
    connection_.pause(answer.stall_time);
    body.remove_prefix(*answer.stall_after);
  } else if (answer.cut_after && *answer.cut_after < body.size()) {
    connection_.write(body.substr(0, *answer.cut_after));
    drop(answer.closing);
  }
  connection_.write(body);
  if (answer.announced && *answer.announced != body.size() && !bodiless) next_ = Next::close;
  if (!body_done_) connection_.linger(500ms);
}

void Exchange::drop(Closing closing) {
  connection_.close(closing);
  throw ConnectionLost("dropped on purpose");
}

struct HttpServer::Session {
  explicit Session(int socket) : connection(socket) {}
  Connection connection;
  std::atomic<bool> finished = false;
  std::thread thread;
};

HttpServer::HttpServer(Handler handler, TlsContext tls)
    : handler_(std::move(handler)),
      tls_(std::move(tls)),
      listener_(open_listener()),
      port_(port_of(listener_)),
      acceptor_([this] { accept_all(); }) {}

HttpServer::~HttpServer() { stop(); }

void HttpServer::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(stopping_, true)) return;
    for (const auto& session : sessions_) session->connection.interrupt();
  }
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  for (const auto& session : sessions_) session->thread.join();
  ::close(listener_);
}

void HttpServer::accept_all() {
  // OpenSSL writes with write(2); the threads made here inherit this mask.
  sigset_t pipe_signal;
  sigemptyset(&pipe_signal);
  sigaddset(&pipe_signal, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe_signal, nullptr);
  for (;;) {
    const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    const std::lock_guard lock(mutex_);
    if (socket < 0 || stopping_) {
      if (socket >= 0) ::close(socket);
      if (stopping_) return;
      continue;
    }
    const int on = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ++connections_;
    join_finished();
    Session& session = *sessions_.emplace_back(std::make_unique<Session>(socket));
    session.thread = std::thread([this, &session] { serve(session); });
  }
}

void HttpServer::join_finished() {
  std::erase_if(sessions_, [](const std::unique_ptr<Session>& session) {
    if (!session->finished) return false;
    session->thread.join();
    return true;
  });
}

void HttpServer::serve(Session& session) {
  try {
    if (tls_) session.connection.start_tls(tls_);
    while (const std::optional<char> first = session.connection.peek()) {
      if (*first < 'A' || *first > 'Z') {
        // A client that begins with TLS, for one, waits for an answer of some kind.
        session.connection.write("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
        break;
      }
      const std::string head = session.connection.read_until("\r\n\r\n", head_limit);
      Exchange exchange(session.connection, head);
      handler_(exchange);
      if (exchange.next() == Exchange::Next::close) break;
    }
  } catch (const ConnectionLost&) {
    // The client left or a fault cut the connection: this connection's end, and no one else's.
  }
  session.connection.close(Closing::fin);
  session.finished = true;
}

}  // namespace davit::tests
