#include "tests/support/test_client.hpp"

#include <curl/curl.h>

#include <cstring>
#include <memory>
#include <regex>

namespace davit::tests {
namespace {

std::size_t append(char* data, std::size_t, std::size_t size, void* text) {
  static_cast<std::string*>(text)->append(data, size);
  return size;
}

struct Unsent {
  std::string bytes;
  std::size_t sent = 0;
};

std::size_t take(char* into, std::size_t, std::size_t room, void* source) {
  Unsent& unsent = *static_cast<Unsent*>(source);
  const std::size_t taken = std::min(room, unsent.bytes.size() - unsent.sent);
  std::memcpy(into, unsent.bytes.data() + unsent.sent, taken);
  unsent.sent += taken;
  return taken;
}

}  // namespace

std::string Reply::header(const std::string& name) const {
  std::smatch found;
  const std::regex field("\n" + name + ": ([^\r]*)", std::regex::icase);
  return std::regex_search(head, found, field) ? found[1].str() : std::string();
}

Reply fetch(const Call& call) {
  const std::unique_ptr<CURL, void (*)(CURL*)> curl(curl_easy_init(), &curl_easy_cleanup);
  std::unique_ptr<curl_slist, void (*)(curl_slist*)> headers(nullptr, &curl_slist_free_all);
  for (const std::string& header : call.headers) {
    headers.reset(curl_slist_append(headers.release(), header.c_str()));
  }
  Reply reply;
  Unsent unsent{call.body.value_or("")};
  curl_easy_setopt(curl.get(), CURLOPT_URL, call.url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_PROXY, "");
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT, 20L);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, &append);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &reply.body);
  curl_easy_setopt(curl.get(), CURLOPT_HEADERFUNCTION, &append);
  curl_easy_setopt(curl.get(), CURLOPT_HEADERDATA, &reply.head);
  if (call.method == "HEAD") curl_easy_setopt(curl.get(), CURLOPT_NOBODY, 1L);
  if (call.body) {
    curl_easy_setopt(curl.get(), CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl.get(), CURLOPT_READFUNCTION, &take);
    curl_easy_setopt(curl.get(), CURLOPT_READDATA, &unsent);
    curl_easy_setopt(curl.get(), CURLOPT_INFILESIZE_LARGE,
                     static_cast<curl_off_t>(unsent.bytes.size()));
  }
  curl_easy_setopt(curl.get(), CURLOPT_CUSTOMREQUEST, call.method.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());
  if (!call.ca_file.empty()) curl_easy_setopt(curl.get(), CURLOPT_CAINFO, call.ca_file.c_str());
  if (!call.client_key.empty()) {
    curl_easy_setopt(curl.get(), CURLOPT_SSLCERT, call.client_certificate.c_str());
    curl_easy_setopt(curl.get(), CURLOPT_SSLKEY, call.client_key.c_str());
  }
  reply.failure = curl_easy_perform(curl.get());
  long status = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  reply.status = static_cast<int>(status);
  return reply;
}

}  // namespace davit::tests
