#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "transport/http/proxy.hpp"

namespace davit::transport {

enum class TlsVerification {
  full,  ///< certificate chain, name and dates
  none,  ///< whoever answers is believed (--insecure)
};

struct CurlOptions {
  std::filesystem::path ca_file;    ///< PEM, trusted besides the system's; empty: none
  std::filesystem::path cert_file;  ///< PEM, this client's certificate; empty: none
  std::filesystem::path key_file;   ///< PEM; empty: in cert_file
  TlsVerification verification = TlsVerification::full;

  /// No byte moved for so long. Only the answer to what changes something may take five times as
  /// long: a registry puts a blob together before it answers.
  std::chrono::milliseconds stall_time{60'000};
  std::chrono::milliseconds connect_time{30'000};  ///< name, TCP and TLS together

  std::vector<std::string> resolve;  ///< "HOST:PORT:ADDRESS", in place of the name service
  Proxies proxies;
  std::string user_agent;  ///< empty: "davit/VERSION"
};

}  // namespace davit::transport
