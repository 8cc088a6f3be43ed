#include "transport/http/redirect.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "oci/base/error.hpp"
#include "oci/base/text.hpp"
#include "transport/http/policy.hpp"

namespace davit::transport {
namespace {

using oci::Error;
using oci::ErrorKind;

constexpr int hop_limit = 10;

/// A list of what is harmless rather than of what is secret: a secret that nobody thought of
/// stays at home.
void strip(Headers& headers) {
  static constexpr std::array<std::string_view, 5> harmless = {"accept", "accept-encoding", "range",
                                                               "if-range", "if-none-match"};
  Headers kept;
  for (const auto& [name, value] : headers.fields()) {
    if (std::find(harmless.begin(), harmless.end(), oci::lower_case(name)) != harmless.end()) {
      kept.add(name, value);
    }
  }
  headers = std::move(kept);
}

class Redirect final : public Transport {
 public:
  explicit Redirect(Transport& next) : next_(next) {}

  Response send(const oci::Call& call, const Request& original, Receiver* into) override {
    Response response = next_.send(call, original, into);
    if (!leads_on(original, response)) return response;
    Request request = original;
    for (int hops = 0; leads_on(original, response); ++hops) {
      if (hops == hop_limit) {
        throw Error(ErrorKind::failed, fmt::format("{} redirects more than {} times",
                                                   original.url.masked(), hop_limit));
      }
      const Hop hop = check_hop(response, *response.headers.get("Location"), HopPurpose::redirect);
      if (!same_origin(hop.url, response.url)) {
        if (!is_read(original)) return response;
        strip(request.headers);
      }
      // What is said of the first host holds for it alone; rules only become stricter on the way.
      request.addresses = same_origin(hop.url, original.url)
                              ? original.addresses
                              : std::max(hop.addresses, request.addresses);
      request.url = hop.url;
      response = next_.send(call, request, into);
    }
    return response;
  }

 private:
  static bool is_read(const Request& request) {
    return request.method == "GET" || request.method == "HEAD";
  }

  static bool leads_on(const Request& request, const Response& response) {
    if (!response.headers.get("Location")) return false;
    const int status = response.status;
    if (status == 307 || status == 308) return true;
    return is_read(request) && (status == 301 || status == 302 || status == 303);
  }

  Transport& next_;
};

}  // namespace

std::unique_ptr<Transport> make_redirect(Transport& next) {
  return std::make_unique<Redirect>(next);
}

}  // namespace davit::transport
