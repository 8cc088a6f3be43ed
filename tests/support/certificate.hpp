#pragma once

#include <memory>
#include <string>

struct ssl_ctx_st;

namespace davit::tests {

using TlsContext = std::shared_ptr<ssl_ctx_st>;

/// What a server's certificate is like. All but `good` must be refused by a client.
enum class Certificate {
  good,        ///< for localhost, registry.test, 127.0.0.1 and [::1]
  other_host,  ///< for elsewhere.test
  expired,     ///< until yesterday
};

/// A certificate and its key, in PEM.
struct Identity {
  std::string certificate;
  std::string key;
};

/// A certificate authority of its own, made anew each time: no key lies in the source tree.
class TestCa {
 public:
  TestCa();
  ~TestCa();

  const std::string& certificate() const { return certificate_; }
  Identity issue_server(Certificate kind) const;
  Identity issue_client() const;

  /// For a server; `demand_client` refuses clients without a certificate of this authority.
  enum class Clients { any, with_certificate };
  TlsContext context(const Identity& identity, Clients clients) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
  std::string certificate_;
};

}  // namespace davit::tests
