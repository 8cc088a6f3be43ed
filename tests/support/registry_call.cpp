#include "tests/support/registry_call.hpp"

#include <algorithm>
#include <array>
#include <regex>

#include "oci/base/text.hpp"
#include "oci/model/json.hpp"

namespace davit::tests {

Target parse_target(std::string_view path) {
  if (path == "/v2/" || path == "/v2") return {Route::ping};
  if (path == "/v2/_catalog") return {Route::catalog};
  if (!path.starts_with("/v2/")) return {};
  path.remove_prefix(4);
  static constexpr std::array<std::pair<std::string_view, Route>, 5> parts{{
      {"/blobs/uploads/", Route::upload},
      {"/blobs/", Route::blob},
      {"/manifests/", Route::document},
      {"/referrers/", Route::referrers},
      {"/tags/list", Route::tags},
  }};
  for (const auto& [part, route] : parts) {
    const std::size_t at = path.rfind(part);
    if (at == std::string_view::npos) continue;
    Target target{route, std::string(path.substr(0, at)),
                  std::string(path.substr(at + part.size()))};
    static const std::regex name("[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*");
    if (!std::regex_match(target.repository, name)) return {};
    if (route == Route::upload && target.reference.empty()) target.route = Route::uploads;
    return target;
  }
  return {};
}

Answer json_answer(const oci::Json& json, const char* type) {
  Answer answer;
  answer.headers.add("Content-Type", type);
  answer.set_body(oci::to_text(json));
  return answer;
}

Answer with_location(int status, std::string location) {
  Answer answer{.status = status};
  answer.headers.add("Location", std::move(location));
  return answer;
}

std::optional<Range> parse_range(std::string_view text) {
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos || text.size() == 1) return std::nullopt;
  const auto first = oci::parse_number(text.substr(0, dash));
  const auto last = oci::parse_number(text.substr(dash + 1));
  if ((!first && dash > 0) || (!last && dash + 1 < text.size())) return std::nullopt;
  return Range(first, last);
}

}  // namespace davit::tests
