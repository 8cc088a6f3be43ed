#include "tests/support/scripted_server.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <stdexcept>

namespace davit::tests {
namespace {

constexpr std::size_t head_limit = 64 * 1024;

/// OpenSSL writes to sockets without MSG_NOSIGNAL. Blocked for this thread alone, so that the
/// client under test still meets the signal.
void block_sigpipe() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

/// "METHOD TARGET HTTP/1.1", then "Name: value" lines.
SeenRequest parse_head(std::string_view head) {
  SeenRequest request;
  for (bool first = true; !head.empty(); first = false) {
    const std::string_view line = head.substr(0, head.find("\r\n"));
    head.remove_prefix(std::min(line.size() + 2, head.size()));
    const auto space = std::min(line.find(' '), line.size());
    if (first) {
      request.method = line.substr(0, space);
      const std::string_view rest = line.substr(std::min(space + 1, line.size()));
      request.target = rest.substr(0, rest.find(' '));
    } else if (!line.empty()) {
      const std::string_view name = line.substr(0, line.find(':'));
      const auto value = line.find_first_not_of(' ', name.size() + 1);
      request.headers.add(std::string(name),
                          std::string(value < line.size() ? line.substr(value) : ""));
    }
  }
  return request;
}

std::string read_exactly(Connection& connection, std::size_t count) {
  std::string bytes;
  std::array<char, 65536> piece{};
  while (bytes.size() < count) {
    const std::size_t n =
        connection.read(std::span(piece).first(std::min(piece.size(), count - bytes.size())));
    if (n == 0) return bytes;
    bytes.append(piece.data(), n);
  }
  return bytes;
}

/// Up to `limit` bytes; says whether the body came whole.
bool read_body(Connection& connection, const SeenRequest& request, std::size_t limit,
               std::string& body) {
  if (request.headers.get("Transfer-Encoding").value_or("") != "chunked") {
    const std::size_t size = std::stoull(request.headers.get("Content-Length").value_or("0"));
    body = read_exactly(connection, std::min(size, limit));
    return body.size() == size;
  }
  while (true) {
    const std::string line = connection.read_until("\r\n", head_limit);
    if (line.empty()) return false;
    const std::size_t size = std::stoull(line, nullptr, 16);
    body += read_exactly(connection, std::min(size, limit - body.size()));
    if (body.size() >= limit || read_exactly(connection, 2) != "\r\n") return false;
    if (size == 0) return true;
  }
}

}  // namespace

ScriptedAnswer scripted(int status, std::string_view body, const transport::Headers& headers) {
  std::string bytes = fmt::format("HTTP/1.1 {} Some Words\r\n", status);
  for (const auto& [name, value] : headers.fields()) {
    bytes += fmt::format("{}: {}\r\n", name, value);
  }
  bytes += fmt::format("Content-Length: {}\r\n\r\n{}", body.size(), body);
  return {.bytes = std::move(bytes)};
}

ScriptedServer::ScriptedServer(Script script, TlsContext tls)
    : script_(std::move(script)), tls_(std::move(tls)) {
  listen();
}

ScriptedServer::ScriptedServer(Greets, std::string greeting) : greeting_(std::move(greeting)) {
  listen();
}

void ScriptedServer::listen() {
  listener_ = oci::Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener_.get(), generic, size) != 0 || ::listen(listener_.get(), 64) != 0 ||
      ::getsockname(listener_.get(), generic, &size) != 0) {
    throw std::runtime_error("the scripted server cannot listen");
  }
  port_ = ntohs(address.sin_port);
  acceptor_ = std::jthread([this] { accept_all(); });
}

ScriptedServer::ScriptedServer(std::vector<ScriptedAnswer> answers, TlsContext tls)
    : ScriptedServer(
          [answers = std::move(answers),
           next = std::make_shared<std::atomic<std::size_t>>(0)](const SeenRequest&) {
            const std::size_t index = (*next)++;
            return index < answers.size() ? answers[index] : scripted(599);
          },
          std::move(tls)) {}

ScriptedServer::~ScriptedServer() {
  ::shutdown(listener_.get(), SHUT_RDWR);
  acceptor_.join();
  for (const auto& connection : connections_) connection->interrupt();
  workers_.clear();
}

transport::Url ScriptedServer::url(std::string_view path) const {
  return transport::Url::parse(
      fmt::format("{}://127.0.0.1:{}{}", tls_ ? "https" : "http", port_, path));
}

std::vector<SeenRequest> ScriptedServer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

int ScriptedServer::connections() const {
  const std::lock_guard lock(mutex_);
  return static_cast<int>(connections_.size());
}

void ScriptedServer::wait_for_requests(std::size_t count) const {
  std::unique_lock lock(mutex_);
  const auto enough = [&] { return requests_.size() >= count; };
  if (!changed_.wait_for(lock, std::chrono::seconds(10), enough)) {
    throw std::runtime_error("the scripted server was not asked often enough");
  }
}

void ScriptedServer::accept_all() {
  while (true) {
    const int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    const std::lock_guard lock(mutex_);
    Connection& connection = *connections_.emplace_back(std::make_unique<Connection>(fd));
    workers_.emplace_back([this, &connection, number = static_cast<int>(connections_.size())] {
      serve(connection, number);
    });
  }
}

void ScriptedServer::serve(Connection& connection, int number) {
  block_sigpipe();
  try {
    if (greeting_) {
      connection.write(*greeting_);
      connection.linger(std::chrono::seconds(1));
      return connection.close(Closing::fin);
    }
    if (tls_) connection.start_tls(tls_);
    while (serve_one(connection, number)) {
    }
  } catch (const ConnectionLost&) {
  }
  connection.close(Closing::fin);
}

bool ScriptedServer::serve_one(Connection& connection, int number) {
  const std::string head = connection.read_until("\r\n\r\n", head_limit);
  if (head.empty()) return false;
  SeenRequest request = parse_head(head);
  request.connection = number;
  const ScriptedAnswer answer = script_(request);
  std::size_t index = 0;
  {
    const std::lock_guard lock(mutex_);
    index = requests_.size();
    requests_.push_back(request);
    changed_.notify_all();
  }
  if (!answer.early) {
    const bool whole = read_body(connection, request, answer.cut_request_after, request.body);
    keep_body(index, request.body);
    if (!whole) return false;
  }
  connection.write(std::string_view(answer.bytes).substr(0, answer.cut_after));
  switch (answer.after) {
    case ScriptedAnswer::After::keep:
      // As servers do; a close with bytes unread is an RST, which can overtake the answer.
      if (answer.early) connection.linger(std::chrono::seconds(10));
      return answer.cut_after >= answer.bytes.size() && !answer.early;
    case ScriptedAnswer::After::close:
      return false;
    case ScriptedAnswer::After::reset:
      connection.close(Closing::reset);
      return false;
    case ScriptedAnswer::After::hang:
      while (!read_exactly(connection, 1).empty()) {
      }
      return false;
    case ScriptedAnswer::After::upgrade:
      connection.start_tls(upgrade_);
      return true;
  }
  return false;
}

void ScriptedServer::keep_body(std::size_t index, const std::string& body) {
  const std::lock_guard lock(mutex_);
  requests_[index].body = body;
}

}  // namespace davit::tests
