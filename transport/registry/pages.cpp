#include "transport/registry/pages.hpp"

#include <fmt/format.h>

#include <set>

#include "transport/http/policy.hpp"
#include "transport/registry/failure.hpp"

namespace davit::transport {
namespace {

constexpr std::size_t page_limit = 10'000;

}  // namespace

std::string next_link(const Headers& headers) {
  for (const std::string& field : headers.all("Link")) {
    std::string_view rest = field;
    while (true) {
      const auto open = rest.find('<');
      const auto close = rest.find('>', open);
      if (open == std::string_view::npos || close == std::string_view::npos) break;
      const std::string_view target = rest.substr(open + 1, close - open - 1);
      rest = rest.substr(close + 1);
      const std::string_view parameters = rest.substr(0, rest.find(",<"));
      if (parameters.find("rel=\"next\"") != std::string_view::npos ||
          parameters.find("rel=next") != std::string_view::npos) {
        return std::string(target);
      }
    }
  }
  return {};
}

bool each_page(const oci::Call& call, Transport& transport, Request request, std::string_view what,
               const std::function<void(const Response&)>& page) {
  std::set<std::string> seen;
  for (bool first = true;; first = false) {
    if (seen.size() >= page_limit || !seen.insert(request.url.str()).second) {
      throw oci::Error(oci::ErrorKind::corrupt, fmt::format("{}: {} sends a list without end", what,
                                                            request.url.origin.host));
    }
    const Response response = transport.send(call, request);
    if (first && response.status == 404) return false;
    if (!response.ok()) throw failure(response, what);
    page(response);
    const std::string next = next_link(response.headers);
    if (next.empty()) return true;
    const Hop hop = check_hop(response, next, HopPurpose::page);
    request.url = hop.url;
    request.addresses = hop.addresses;
  }
}

}  // namespace davit::transport
