#pragma once

// For the sources of RegistryApi only.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/registry_api.hpp"

namespace davit::tests {

enum class Route { ping, catalog, blob, uploads, upload, document, tags, referrers, unknown };

struct Target {
  Route route = Route::unknown;
  std::string repository = {};
  std::string reference = {};  ///< digest, tag or session
};

Target parse_target(std::string_view path);

/// One request with what all members of RegistryApi need of it.
struct RegistryApi::Call {
  Exchange& exchange;
  const std::vector<Fault>& faults;
  Target target;
  Parameters query;
};

Answer json_answer(const oci::Json& json, const char* type = "application/json");
Answer with_location(int status, std::string location);

/// "5-9", "5-" and "-5" as they stand in Range and Content-Range.
using Range = std::pair<std::optional<std::uint64_t>, std::optional<std::uint64_t>>;
std::optional<Range> parse_range(std::string_view text);

}  // namespace davit::tests
