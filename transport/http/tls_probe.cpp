#include "transport/http/tls_probe.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <memory>

#include "oci/base/error.hpp"
#include "oci/base/tasks.hpp"

namespace davit::transport {
namespace {

/// A server that takes the handshake for the beginning of a request may say nothing at all.
constexpr std::chrono::milliseconds probe_time{5'000};

struct CloseEasy {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

/// Sees the first byte that the other side answers to a TLS handshake: the type of a record.
int watch_tls(CURL*, curl_infotype type, char* data, std::size_t size, void* spoken) noexcept {
  constexpr char alert = 21;
  constexpr char handshake = 22;
  if (type == CURLINFO_SSL_DATA_IN && size > 0 && (data[0] == alert || data[0] == handshake)) {
    *static_cast<bool*>(spoken) = true;
  }
  return 0;
}

int stop_asked(void* stop, curl_off_t, curl_off_t, curl_off_t, curl_off_t) noexcept {
  return static_cast<const std::stop_token*>(stop)->stop_requested() ? 1 : 0;
}

}  // namespace

TlsSupport probe_tls(const oci::Call& call, const CurlOptions& options, const Origin& origin) {
  const std::unique_ptr<CURL, CloseEasy> handle(curl_easy_init());
  CURL* easy = handle.get();
  if (easy == nullptr) throw oci::Error(oci::ErrorKind::failed, "libcurl does not start");
  std::unique_ptr<curl_slist, FreeList> resolve;
  for (const std::string& entry : options.resolve) {
    curl_slist* longer = curl_slist_append(resolve.get(), entry.c_str());
    if (longer == nullptr) throw std::bad_alloc();
    resolve.release();
    resolve.reset(longer);
  }
  const std::string url = Origin{"https", origin.host, origin.port}.str();
  const auto time = std::min(options.connect_time, probe_time);
  std::stop_token stop = call.stop;
  bool spoken = false;
  curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  curl_easy_setopt(easy, CURLOPT_RESOLVE, resolve.get());
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(time.count()));
  curl_easy_setopt(easy, CURLOPT_VERBOSE, 1L);
  curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, &watch_tls);
  curl_easy_setopt(easy, CURLOPT_DEBUGDATA, &spoken);
  curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, &stop_asked);
  curl_easy_setopt(easy, CURLOPT_XFERINFODATA, &stop);
  const CURLcode code = curl_easy_perform(easy);
  call.check();
  if (spoken || code == CURLE_OK) return TlsSupport::spoken;
  const bool reached = code != CURLE_COULDNT_CONNECT && code != CURLE_COULDNT_RESOLVE_HOST;
  return reached ? TlsSupport::not_spoken : TlsSupport::unreachable;
}

}  // namespace davit::transport
