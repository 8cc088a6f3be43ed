#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include "tests/support/certificate.hpp"

struct ssl_st;

namespace davit::tests {

/// The client has gone, a fault has cut the connection, or the server stops.
struct ConnectionLost : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// How a connection ends: FIN, or RST, which also destroys what the client has not read yet.
enum class Closing { fin, reset };

/// A server's end of a connection, over TLS or not. One thread uses it; `interrupt` may be called
/// from another and makes everything throw ConnectionLost.
class Connection {
 public:
  /// Owns the socket.
  explicit Connection(int socket) : socket_(socket) {}
  ~Connection() { close(Closing::fin); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void start_tls(const TlsContext& context);

  /// The next byte, which stays to be read; nothing at the end.
  std::optional<char> peek();
  /// The bytes up to `end` and it.
  std::string read_until(std::string_view end, std::size_t limit);
  /// 0 at the end.
  std::size_t read(std::span<char> into);
  void write(std::string_view bytes);

  /// Waits so long; 0 waits for ever. Throws if the client leaves meanwhile.
  void pause(std::chrono::milliseconds time);
  /// Says that nothing more is sent, and reads what the client still sends, for a while: closing
  /// with unread bytes would destroy the answer on its way.
  void linger(std::chrono::milliseconds time);
  void close(Closing closing);
  void interrupt();

 private:
  std::size_t receive(std::span<char> into);

  std::mutex closing_mutex_;
  int socket_;
  std::shared_ptr<ssl_st> tls_;
  std::string pending_;  ///< received, not read yet
};

}  // namespace davit::tests
