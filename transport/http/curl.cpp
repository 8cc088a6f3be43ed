#include "transport/http/curl.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <mutex>
#include <utility>
#include <vector>

#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"
#include "oci/base/file.hpp"
#include "transport/http/curl_session.hpp"

namespace davit::transport {
namespace {

/// Idle connections kept; each holds three descriptors. Two for each of eight transfers: a registry
/// and the storage it redirects to.
constexpr std::size_t idle_limit = 16;

/// Does not wait for who writes into a pipe, which a shell makes of <(...).
void check_readable(const std::filesystem::path& path) {
  const oci::Fd file = oci::open_file(path, O_RDONLY | O_NONBLOCK);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) throw oci::errno_error(oci::printable(path.native()));
  if (S_ISDIR(status.st_mode)) {
    throw oci::Error(oci::ErrorKind::usage, oci::printable(path.native()) + " is a directory");
  }
}

/// A connection that was opened under a lax address rule must not serve a strict one.
using Key = std::pair<Origin, Addresses>;

class Curl final : public Transport {
 public:
  explicit Curl(CurlOptions options) : options_(std::move(options)) {}

  Response send(const oci::Call& call, const Request& request, Receiver* into) override {
    Idle session = take({request.url.origin, request.addresses});
    Response response = session.session->send(call, options_, request, into);
    give_back(std::move(session));
    return response;
  }

 private:
  struct Idle {
    Key key;
    std::unique_ptr<CurlSession> session;
  };

  /// The one used last, whose connection is the likeliest to be still open.
  Idle take(Key key) {
    const std::lock_guard lock(mutex_);
    const auto found = std::find_if(idle_.rbegin(), idle_.rend(),
                                    [&](const Idle& idle) { return idle.key == key; });
    if (found == idle_.rend()) return {std::move(key), std::make_unique<CurlSession>()};
    Idle session = std::move(*found);
    idle_.erase(std::next(found).base());
    return session;
  }

  void give_back(Idle session) {
    Idle oldest;  // Closed after the lock is open again.
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(session));
    if (idle_.size() <= idle_limit) return;
    oldest = std::move(idle_.front());
    idle_.erase(idle_.begin());
  }

  const CurlOptions options_;
  std::mutex mutex_;
  std::vector<Idle> idle_;
};

}  // namespace

std::unique_ptr<Transport> make_curl(CurlOptions options) {
  for (const auto* file : {&options.ca_file, &options.cert_file, &options.key_file}) {
    if (!file->empty()) check_readable(*file);
  }
  return std::make_unique<Curl>(std::move(options));
}

}  // namespace davit::transport
