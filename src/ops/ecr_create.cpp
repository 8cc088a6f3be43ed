#include "src/ops/ecr_create.hpp"

#include <fmt/format.h>

#include <set>

#include "oci/base/log.hpp"

namespace davit::app {

void create_repositories(const oci::Call& call, transport::ecr::Access& access,
                         const std::vector<Place>& places,
                         const transport::ecr::RepositorySettings& settings, Use use) {
  std::set<std::string> seen;
  for (const Place& place : places) {
    if (place.local() || !seen.insert(place.store_name()).second) continue;
    const auto host = transport::ecr::parse_host(place.reference.registry);
    if (!host) continue;
    transport::ecr::Repositories repositories(call, access, *host);
    const std::string& name = place.reference.repository;
    const bool rehearses = use == Use::rehearse;
    if (repositories.find(name)) {
      const auto change = rehearses ? transport::ecr::Change::no : transport::ecr::Change::yes;
      for (const std::string& policy : repositories.complete(name, settings, change)) {
        oci::log(rehearses ? oci::LogLevel::notice : oci::LogLevel::info,
                 fmt::format("{} the {} of {}, which has none", rehearses ? "would set" : "set",
                             policy, place.store_name()));
      }
    } else if (rehearses) {
      oci::log(oci::LogLevel::notice,
               fmt::format("would make the repository {}", place.store_name()));
    } else if (repositories.create(name, settings)) {
      oci::log(oci::LogLevel::info, fmt::format("made the repository {}", place.store_name()));
    }
  }
}

}  // namespace davit::app
