#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "oci/model/reference.hpp"
#include "oci/store/store.hpp"
#include "transport/auth/credentials.hpp"
#include "transport/http/curl.hpp"
#include "transport/http/retry.hpp"

namespace davit::transport {

/// Which scheme a registry is spoken to by.
enum class PlainHttp {
  loopback,  ///< on loopback where HTTPS is not answered, nowhere else
  always,    ///< the caller says so
};

struct ClientOptions {
  CurlOptions curl;
  RetryOptions retry;
  PlainHttp plain_http = PlainHttp::loopback;
  /// Blobs greater than this are sent in chunks of so many bytes, which are kept in memory, at most
  /// `greatest_chunk`; 0: whole. Absent: 10 MiB for Amazon ECR, whole for any other registry.
  std::optional<std::uint64_t> chunk_size;
};

/// Puts the chain of transports together: curl <- trace <- redirect <- authenticate <- retry. The
/// only place that knows of all of them. Retry is the outermost, so that each try is authenticated
/// and redirected anew: a token or a presigned URL that expired in the middle is renewed.
class Client {
 public:
  /// The files that `options` names are looked at here: Error(not_found) for a missing one.
  Client(ClientOptions options, std::unique_ptr<CredentialSource> credentials);
  ~Client();

  /// A repository as a store, which this object outlives.
  std::unique_ptr<oci::Store> repository(const oci::Call& call, const oci::Reference& reference);
  std::vector<std::string> catalog(const oci::Call& call, const std::string& registry);
  /// Asks the registry whether it takes the credentials; Error(denied) if not.
  void check_login(const oci::Call& call, const std::string& registry);

 private:
  struct Chain;
  /// The chain for a repository, or for a registry as a whole.
  Transport& chain(const oci::Call& call, const std::string& registry,
                   const std::string& repository);
  Origin origin(const oci::Call& call, const std::string& registry);

  const ClientOptions options_;
  const std::unique_ptr<CredentialSource> credentials_;
  std::unique_ptr<Transport> wire_;
  std::unique_ptr<Transport> trace_;
  std::unique_ptr<Transport> redirect_;
  std::mutex mutex_;
  std::map<std::string, Origin> origins_;
  std::map<std::string, std::unique_ptr<Chain>> chains_;
};

}  // namespace davit::transport
