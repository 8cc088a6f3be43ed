#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "oci/base/file.hpp"
#include "tests/support/certificate.hpp"
#include "tests/support/connection.hpp"
#include "transport/http/message.hpp"

namespace davit::tests {

/// A request as it came over the wire.
struct SeenRequest {
  std::string method;
  std::string target;
  transport::Headers headers;
  std::string body;    ///< chunks joined; empty while the request is being answered
  int connection = 0;  ///< counts from 1
};

/// What a script says to one request.
struct ScriptedAnswer {
  static constexpr std::size_t all = std::numeric_limits<std::size_t>::max();

  /// What happens to a connection after the answer.
  enum class After {
    keep,     ///< the next request
    close,    ///< an end that nothing announced
    reset,    ///< the same with RST
    hang,     ///< nothing is said and nothing closed until the client goes
    upgrade,  ///< TLS from here on, as behind a proxy's CONNECT
  };

  std::string bytes;            ///< status line, headers and body, byte for byte
  std::size_t cut_after = all;  ///< bytes of the answer, then close
  /// Bytes of the request's body, then close without an answer.
  std::size_t cut_request_after = all;
  /// The request's body is not waited for: with `keep` it is read after the answer and thrown away
  /// until the client goes, otherwise left unread.
  bool early = false;
  After after = After::keep;
};

/// "HTTP/1.1 STATUS Some Words", the headers, Content-Length and the body.
ScriptedAnswer scripted(int status, std::string_view body = {},
                        const transport::Headers& headers = {});

/// Who speaks first: a server of another protocol greets whoever connects, and then closes.
enum class Greets { at_once };

/// The lowest of the test servers: HTTP/1.1 on a loopback port, where a test says every byte of
/// every answer, and sees every byte of the requests.
class ScriptedServer {
 public:
  /// Called with a request's head, on the connection's thread.
  using Script = std::function<ScriptedAnswer(const SeenRequest&)>;

  explicit ScriptedServer(Script script, TlsContext tls = nullptr);
  /// These answers in turn; whatever more is asked gets 599.
  explicit ScriptedServer(std::vector<ScriptedAnswer> answers, TlsContext tls = nullptr);
  ScriptedServer(Greets, std::string greeting);
  ~ScriptedServer();
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  std::uint16_t port() const { return port_; }
  /// "http://127.0.0.1:PORT" + path; https with TLS.
  transport::Url url(std::string_view path = "/") const;

  /// As far as they have come.
  std::vector<SeenRequest> requests() const;
  int connections() const;
  /// Returns when so many requests (their heads, at least) have come; throws after ten seconds.
  void wait_for_requests(std::size_t count) const;

  /// Where the tests of a proxy upgrade to, if this server itself is plain.
  void upgrade_to(TlsContext tls) { upgrade_ = std::move(tls); }

 private:
  void listen();
  void accept_all();
  void serve(Connection& connection, int number);
  bool serve_one(Connection& connection, int number);
  void keep_body(std::size_t index, const std::string& body);

  const Script script_;
  const TlsContext tls_;
  const std::optional<std::string> greeting_;
  TlsContext upgrade_;
  oci::Fd listener_;
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::vector<SeenRequest> requests_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<std::jthread> workers_;
  std::jthread acceptor_;
};

}  // namespace davit::tests
