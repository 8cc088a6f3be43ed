#include "transport/http/curl_session.hpp"

#include <curl/curl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <exception>
#include <optional>
#include <utility>

#include "oci/base/error.hpp"
#include "oci/base/text.hpp"
#include "transport/http/exchange.hpp"
#include "transport/http/policy.hpp"

namespace davit::transport {
namespace {

struct CloseEasy {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct CloseMulti {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
}  // namespace

/// The multi handle holds this one transfer: it is there because curl_multi_wakeup ends a wait at
/// once, which nothing does for curl_easy_perform.
struct CurlHandles {
  std::unique_ptr<CURLM, CloseMulti> multi{curl_multi_init()};
  std::unique_ptr<CURL, CloseEasy> easy{curl_easy_init()};
};

namespace {

using oci::Advice;
using oci::Error;
using oci::ErrorKind;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// Registries assemble a blob before they answer; see CurlOptions::stall_time.
constexpr int answer_patience = 5;

struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

class List {
 public:
  void add(const std::string& line) {
    curl_slist* longer = curl_slist_append(list_.get(), line.c_str());
    if (longer == nullptr) throw std::bad_alloc();
    list_.release();
    list_.reset(longer);
  }
  curl_slist* get() const { return list_.get(); }

 private:
  std::unique_ptr<curl_slist, FreeList> list_;
};

template <class Value>
void set(CURL* easy, CURLoption option, Value value) {
  const CURLcode code = curl_easy_setopt(easy, option, value);
  if (code == CURLE_OK) return;
  throw Error(ErrorKind::failed,
              fmt::format("libcurl refuses an option: {}", curl_easy_strerror(code)));
}

template <class Value>
Value info(CURL* easy, CURLINFO what) {
  Value value{};
  curl_easy_getinfo(easy, what, &value);
  return value;
}

std::string host_and_port(const Origin& origin) {
  return origin.str().substr(origin.scheme.size() + 3);
}

/// What one address of a host is, and a socket for it if the request's rule permits.
struct Gate {
  Addresses allowed = Addresses::any;
  std::string refused;  ///< the address that was not permitted

  static curl_socket_t open(void* self, curlsocktype, curl_sockaddr* address) noexcept {
    auto& gate = *static_cast<Gate*>(self);
    std::array<char, NI_MAXHOST> text{};
    const bool known = ::getnameinfo(&address->addr, address->addrlen, text.data(), text.size(),
                                     nullptr, 0, NI_NUMERICHOST) == 0;
    // A scoped address ("fe80::1%eth0") is link-local, whatever stands behind "%".
    const std::string_view plain = std::string_view(text.data());
    const auto scope = address_scope(plain.substr(0, plain.find('%')));
    if (gate.allowed != Addresses::any && (!known || !scope || !permits(gate.allowed, *scope))) {
      gate.refused = plain;
      return CURL_SOCKET_BAD;
    }
    return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  }
};

class Transfer {
 public:
  Transfer(const oci::Call& call, const CurlOptions& options, const Request& request,
           Receiver* into, CurlHandles& handles)
      : call_(call),
        options_(options),
        request_(request),
        proxy_(options.proxies.of(request.url.origin)),
        handles_(handles),
        easy_(handles.easy.get()),
        outgoing_(call, request),
        incoming_(request, into) {
    configure();
  }

  Response run() {
    const CURLcode code = perform();
    if (failure_) std::rethrow_exception(failure_);
    if (code != CURLE_OK && !enough_ && !incoming_.is_failure()) fail(code);
    Response response = incoming_.finish();
    const char* address = info<char*>(easy_, CURLINFO_PRIMARY_IP);
    if (proxy_.empty() && address != nullptr) {
      response.private_address =
          address_scope(address).value_or(AddressScope::internet) != AddressScope::internet;
    }
    return response;
  }

 private:
  void configure();
  void set_method();
  void set_headers();
  CURLcode perform();
  milliseconds patience_left();
  curl_off_t moved() const;
  [[noreturn]] void fail(CURLcode code) const;

  /// Runs what a callback does; an exception is kept until libcurl has returned.
  template <class Value, class Action>
  Value guarded(Value otherwise, Action&& action) noexcept {
    try {
      return action();
    } catch (...) {
      failure_ = std::current_exception();
      return otherwise;
    }
  }

  static std::size_t on_header(char* data, std::size_t, std::size_t size, void* self) noexcept {
    auto& transfer = *static_cast<Transfer*>(self);
    return transfer.guarded<std::size_t>(0, [&] {
      transfer.incoming_.header({data, size});
      return size;
    });
  }

  static std::size_t on_body(char* data, std::size_t, std::size_t size, void* self) noexcept {
    auto& transfer = *static_cast<Transfer*>(self);
    return transfer.guarded<std::size_t>(CURL_WRITEFUNC_ERROR, [&]() -> std::size_t {
      transfer.enough_ = !transfer.incoming_.body(oci::bytes_of({data, size}));
      // The time that a slow sink takes is not the server's.
      transfer.moved_at_ = Clock::now();
      return transfer.enough_ ? CURL_WRITEFUNC_ERROR : size;
    });
  }

  /// Never waits for the content: that happens between two calls into libcurl, which then looks
  /// for an early answer before it sends on.
  static std::size_t on_read(char* into, std::size_t, std::size_t size, void* self) noexcept {
    auto& transfer = *static_cast<Transfer*>(self);
    const std::size_t n = transfer.outgoing_.take({into, size});
    if (n > 0 || transfer.outgoing_.at_end()) return n;
    transfer.wants_content_ = true;
    return CURL_READFUNC_PAUSE;
  }

  /// Called when a connection that was kept open turns out to be closed by the server.
  static int on_seek(void* self, curl_off_t offset, int origin) noexcept {
    auto& transfer = *static_cast<Transfer*>(self);
    return transfer.guarded<int>(CURL_SEEKFUNC_FAIL, [&] {
      if (offset != 0 || origin != SEEK_SET || !transfer.request_.repeatable) {
        return CURL_SEEKFUNC_FAIL;
      }
      transfer.outgoing_.restart();
      return CURL_SEEKFUNC_OK;
    });
  }

  const oci::Call& call_;
  const CurlOptions& options_;
  const Request& request_;
  const std::string& proxy_;
  CurlHandles& handles_;
  CURL* easy_;
  Outgoing outgoing_;
  Incoming incoming_;
  Gate gate_;
  List headers_;
  List resolve_;
  std::array<char, CURL_ERROR_SIZE> words_{};
  std::exception_ptr failure_;
  bool enough_ = false;         ///< of a failure's body, or of one that nobody wants
  bool wants_content_ = false;  ///< sending is paused until the next piece is there
  curl_off_t moved_ = 0;
  Clock::time_point moved_at_ = Clock::now();
};

void Transfer::configure() {
  curl_easy_reset(easy_);
  set(easy_, CURLOPT_NOSIGNAL, 1L);
  set(easy_, CURLOPT_PROTOCOLS_STR, "http,https");
  // One connection carries one transfer anyway, so HTTP/2 could multiplex nothing, and its
  // flow-control windows and framing cost a blob's stream throughput.
  set(easy_, CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_1_1});
  set(easy_, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options_.connect_time.count()));
  // A name service that hangs does not hold up the end of a transfer.
  set(easy_, CURLOPT_QUICK_EXIT, 1L);
  set(easy_, CURLOPT_ERRORBUFFER, words_.data());
  set(easy_, CURLOPT_URL, request_.url.str().c_str());
  set(easy_, CURLOPT_PATH_AS_IS, 1L);
  set(easy_, CURLOPT_BUFFERSIZE, 512L * 1024);
  set(easy_, CURLOPT_UPLOAD_BUFFERSIZE, 512L * 1024);
  set(easy_, CURLOPT_TCP_KEEPALIVE, 1L);
  set(easy_, CURLOPT_USERAGENT,
      options_.user_agent.empty() ? "davit/" DAVIT_VERSION : options_.user_agent.c_str());

  // Always given, so that libcurl never reads the environment itself.
  set(easy_, CURLOPT_PROXY, proxy_.c_str());
  set(easy_, CURLOPT_NOPROXY, "");
  set(easy_, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);

  set(easy_, CURLOPT_SSLVERSION, long{CURL_SSLVERSION_TLSv1_2});
  if (options_.verification == TlsVerification::none) {
    set(easy_, CURLOPT_SSL_VERIFYPEER, 0L);
    set(easy_, CURLOPT_SSL_VERIFYHOST, 0L);
  }
  if (!options_.ca_file.empty()) {
    set(easy_, CURLOPT_CAINFO, options_.ca_file.c_str());
    set(easy_, CURLOPT_PROXY_CAINFO, options_.ca_file.c_str());
  }
  if (!options_.cert_file.empty()) set(easy_, CURLOPT_SSLCERT, options_.cert_file.c_str());
  if (!options_.key_file.empty()) set(easy_, CURLOPT_SSLKEY, options_.key_file.c_str());
  for (const std::string& entry : options_.resolve) resolve_.add(entry);
  if (resolve_.get() != nullptr) set(easy_, CURLOPT_RESOLVE, resolve_.get());

  // A proxy was named by a person; what it connects to is its own business.
  gate_.allowed = proxy_.empty() ? request_.addresses : Addresses::any;
  set(easy_, CURLOPT_OPENSOCKETFUNCTION, &Gate::open);
  set(easy_, CURLOPT_OPENSOCKETDATA, &gate_);
  set(easy_, CURLOPT_HEADERFUNCTION, &Transfer::on_header);
  set(easy_, CURLOPT_HEADERDATA, this);
  set(easy_, CURLOPT_WRITEFUNCTION, &Transfer::on_body);
  set(easy_, CURLOPT_WRITEDATA, this);
  set_method();
  set_headers();
}

void Transfer::set_method() {
  if (request_.method == "HEAD") {
    set(easy_, CURLOPT_NOBODY, 1L);
    return;
  }
  if (request_.body || (request_.method != "GET" && request_.method != "DELETE")) {
    set(easy_, CURLOPT_UPLOAD, 1L);
    set(easy_, CURLOPT_READFUNCTION, &Transfer::on_read);
    set(easy_, CURLOPT_READDATA, this);
    set(easy_, CURLOPT_SEEKFUNCTION, &Transfer::on_seek);
    set(easy_, CURLOPT_SEEKDATA, this);
    // Without a body these methods say "Content-Length: 0", which servers insist on.
    const auto size = request_.body ? request_.body->size : std::optional<std::uint64_t>(0);
    if (size) set(easy_, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(*size));
  }
  set(easy_, CURLOPT_CUSTOMREQUEST, request_.method.c_str());
}

void Transfer::set_headers() {
  // "Expect: 100-continue" makes a body wait a second for servers that do not answer it.
  headers_.add("Expect:");
  for (const auto& [name, value] : request_.headers.fields()) {
    if ((name + value).find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) {
      throw Error(ErrorKind::failed, "a header of a request has a line break in it");
    }
    // How long the body is, is said by libcurl.
    const std::string lower = oci::lower_case(name);
    if (lower == "content-length" || lower == "transfer-encoding" || lower == "expect") continue;
    headers_.add(value.empty() ? name + ";" : name + ": " + value);
  }
  set(easy_, CURLOPT_HTTPHEADER, headers_.get());
}

/// The easy handle in its multi handle; taking it out in the middle closes the connection.
class Attached {
 public:
  explicit Attached(CurlHandles& handles) : handles_(handles) {
    if (curl_multi_add_handle(handles_.multi.get(), handles_.easy.get()) != CURLM_OK) {
      throw Error(ErrorKind::failed, "libcurl does not take a transfer");
    }
  }
  ~Attached() { curl_multi_remove_handle(handles_.multi.get(), handles_.easy.get()); }
  Attached(const Attached&) = delete;
  Attached& operator=(const Attached&) = delete;

 private:
  CurlHandles& handles_;
};

CURLcode Transfer::perform() {
  CURLM* multi = handles_.multi.get();
  const Attached attached(handles_);
  const std::stop_callback wake(call_.stop, [multi] { curl_multi_wakeup(multi); });
  moved_at_ = Clock::now();
  while (true) {
    call_.check();
    int running = 0;
    if (const CURLMcode code = curl_multi_perform(multi, &running); code != CURLM_OK) {
      throw Error(ErrorKind::failed, fmt::format("libcurl: {}", curl_multi_strerror(code)));
    }
    if (running == 0) break;
    if (std::exchange(wants_content_, false)) {
      outgoing_.fetch();
      moved_at_ = Clock::now();
      curl_easy_pause(easy_, CURLPAUSE_CONT);
      continue;
    }
    curl_multi_poll(multi, nullptr, 0, static_cast<int>(patience_left().count()), nullptr);
  }
  int left = 0;
  const CURLMsg* message = curl_multi_info_read(multi, &left);
  return message != nullptr ? message->data.result : CURLE_GOT_NOTHING;
}

/// Before the request is on its way, libcurl's own limit for connecting counts.
curl_off_t Transfer::moved() const {
  return info<curl_off_t>(easy_, CURLINFO_SIZE_UPLOAD_T) +
         info<curl_off_t>(easy_, CURLINFO_SIZE_DOWNLOAD_T) +
         info<long>(easy_, CURLINFO_HEADER_SIZE) + info<long>(easy_, CURLINFO_REQUEST_SIZE);
}

milliseconds Transfer::patience_left() {
  const auto now = Clock::now();
  const curl_off_t moved = this->moved();
  if (moved == 0 || std::exchange(moved_, moved) != moved) moved_at_ = now;
  const bool changes = request_.method != "GET" && request_.method != "HEAD";
  const bool waits_for_answer = changes && outgoing_.at_end() && !incoming_.has_begun();
  const auto limit = options_.stall_time * (waits_for_answer ? answer_patience : 1);
  const auto still = std::chrono::duration_cast<milliseconds>(now - moved_at_);
  if (still < limit) return limit - still;
  throw Error(ErrorKind::unavailable,
              fmt::format("{}: nothing moved for {} seconds", host_and_port(request_.url.origin),
                          std::chrono::duration<double>(limit).count()));
}

void Transfer::fail(CURLcode code) const {
  const std::string host = host_and_port(request_.url.origin);
  const auto error = [&](ErrorKind kind, std::string_view what, Advice advice = Advice::none) {
    return Error(kind, fmt::format("{}: {}", host, what), advice);
  };
  std::string words = oci::printable(words_.data());
  if (words.empty()) words = curl_easy_strerror(code);
  if (!gate_.refused.empty() && code == CURLE_COULDNT_CONNECT) {
    throw error(ErrorKind::refused,
                fmt::format("its address {} is not one that a server elsewhere may lead to",
                            gate_.refused));
  }
  const long proxy_answer = info<long>(easy_, CURLINFO_HTTP_CONNECTCODE);
  if (!proxy_.empty() && proxy_answer >= 300) {
    throw error(proxy_answer >= 500   ? ErrorKind::unavailable
                : proxy_answer == 407 ? ErrorKind::denied
                                      : ErrorKind::failed,
                fmt::format("the proxy answers {}", proxy_answer));
  }
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_FAIL_REWIND:
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
      throw error(ErrorKind::unavailable, words);
    case CURLE_SSL_CONNECT_ERROR:
      // With a system error the connection broke; without, the two do not understand each other.
      if (info<long>(easy_, CURLINFO_OS_ERRNO) != 0) throw error(ErrorKind::unavailable, words);
      throw error(ErrorKind::failed, words, Advice::speak_plain_http);
    case CURLE_PEER_FAILED_VERIFICATION:
      throw error(ErrorKind::failed, words, Advice::trust_authority);
    case CURLE_SSL_CACERT_BADFILE:
      throw Error(ErrorKind::failed,
                  fmt::format("cannot use the certificates in '{}'", options_.ca_file.native()));
    case CURLE_SSL_CERTPROBLEM:
      throw Error(ErrorKind::failed, fmt::format("cannot use the client certificate '{}': {}",
                                                 options_.cert_file.native(), words));
    case CURLE_OUT_OF_MEMORY:  // What libcurl says of a header line that is too long.
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
      throw error(ErrorKind::corrupt, "what answers does not speak HTTP properly: " + words);
    default:
      throw error(ErrorKind::failed, words);
  }
}

}  // namespace

CurlSession::CurlSession() : handles_(std::make_unique<CurlHandles>()) {
  if (!handles_->multi || !handles_->easy) {
    throw Error(ErrorKind::failed, "libcurl does not start");
  }
}

CurlSession::~CurlSession() = default;

Response CurlSession::send(const oci::Call& call, const CurlOptions& options,
                           const Request& request, Receiver* into) {
  return Transfer(call, options, request, into, *handles_).run();
}

}  // namespace davit::transport
