#include "transport/http/curl.hpp"

#include <algorithm>
#include <mutex>
#include <utility>
#include <vector>

#include "transport/http/curl_session.hpp"

namespace davit::transport {
namespace {

/// Idle connections kept; each holds three descriptors. Two for each of eight transfers: a registry
/// and the storage it redirects to.
constexpr std::size_t idle_limit = 16;

/// A connection that was opened under a lax address rule must not serve a strict one.
using Key = std::pair<Origin, Addresses>;

class Curl final : public Transport {
 public:
  explicit Curl(CurlOptions options) : options_(std::move(options)) {}

  Response send(const Request& request, oci::Sink* into) override {
    Idle session = take({request.url.origin, request.addresses});
    Response response = session.session->send(options_, request, into);
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
  return std::make_unique<Curl>(std::move(options));
}

}  // namespace davit::transport
