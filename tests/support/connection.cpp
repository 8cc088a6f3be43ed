#include "tests/support/connection.hpp"

#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace davit::tests {

void Connection::start_tls(const TlsContext& context) {
  tls_ = {SSL_new(context.get()), &SSL_free};
  SSL_set_fd(tls_.get(), socket_);
  if (SSL_accept(tls_.get()) != 1) throw ConnectionLost("no TLS");
}

std::size_t Connection::receive(std::span<char> into) {
  if (tls_) {
    const int got = SSL_read(tls_.get(), into.data(), static_cast<int>(into.size()));
    return got > 0 ? static_cast<std::size_t>(got) : 0;
  }
  ssize_t got = 0;
  do {
    got = ::recv(socket_, into.data(), into.size(), 0);
  } while (got < 0 && errno == EINTR);
  if (got < 0) throw ConnectionLost("receive failed");
  return static_cast<std::size_t>(got);
}

std::optional<char> Connection::peek() {
  if (pending_.empty()) {
    std::array<char, 8192> piece;
    pending_.append(piece.data(), receive(piece));
  }
  return pending_.empty() ? std::nullopt : std::optional(pending_.front());
}

std::string Connection::read_until(std::string_view end, std::size_t limit) {
  for (std::array<char, 8192> piece;;) {
    if (const auto at = pending_.find(end); at != std::string::npos) {
      std::string text = pending_.substr(0, at + end.size());
      pending_.erase(0, text.size());
      return text;
    }
    if (pending_.size() > limit) throw ConnectionLost("too long");
    const std::size_t got = receive(piece);
    if (got == 0) throw ConnectionLost("ends in the middle");
    pending_.append(piece.data(), got);
  }
}

std::size_t Connection::read(std::span<char> into) {
  if (pending_.empty()) return receive(into);
  const std::size_t taken = std::min(into.size(), pending_.size());
  std::copy_n(pending_.begin(), taken, into.begin());
  pending_.erase(0, taken);
  return taken;
}

void Connection::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t piece = std::min<std::size_t>(bytes.size(), 1024 * 1024);
    const ssize_t sent = tls_ ? SSL_write(tls_.get(), bytes.data(), static_cast<int>(piece))
                              : ::send(socket_, bytes.data(), piece, MSG_NOSIGNAL);
    if (sent < 0 && !tls_ && errno == EINTR) continue;
    if (sent <= 0) throw ConnectionLost("send failed");
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

void Connection::pause(std::chrono::milliseconds time) {
  pollfd waiting{socket_, POLLRDHUP, 0};
  const int timeout = time.count() == 0 ? -1 : static_cast<int>(time.count());
  if (::poll(&waiting, 1, timeout) != 0) throw ConnectionLost("the client left");
}

void Connection::linger(std::chrono::milliseconds time) {
  ::shutdown(socket_, SHUT_WR);
  const auto end = std::chrono::steady_clock::now() + time;
  for (std::array<char, 65536> piece;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    pollfd waiting{socket_, POLLIN, 0};
    if (left.count() <= 0 || ::poll(&waiting, 1, static_cast<int>(left.count())) <= 0) return;
    if (::recv(socket_, piece.data(), piece.size(), 0) <= 0) return;
  }
}

void Connection::close(Closing closing) {
  const std::lock_guard lock(closing_mutex_);
  if (socket_ < 0) return;
  if (closing == Closing::reset) {
    const struct linger at_once { 1, 0 };
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }
  ::close(socket_);
  socket_ = -1;
}

void Connection::interrupt() {
  const std::lock_guard lock(closing_mutex_);
  if (socket_ >= 0) ::shutdown(socket_, SHUT_RDWR);
}

}  // namespace davit::tests
