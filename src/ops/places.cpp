#include "src/ops/places.hpp"

#include <algorithm>

#include "oci/store/archive.hpp"
#include "oci/store/layout.hpp"
#include "oci/store/memory.hpp"
#include "src/ops/rehearsal.hpp"
#include "transport/ecr/store.hpp"

namespace davit::app {

oci::Store& Places::open(const oci::Call& call, const Place& place, Use use) {
  // An archive that is written replaces the one that is read, so one name stands for two stores.
  const auto key = std::pair(use, place.store_name());
  if (const auto open = stores_.find(key); open != stores_.end()) return *open->second;
  std::unique_ptr<oci::Store> store;
  // A rehearsal makes nothing. Where a store does not exist yet, one in memory stands for it.
  const oci::OpenMode mode = use == Use::write ? oci::OpenMode::create : oci::OpenMode::existing;
  if (!place.local()) {
    store = client_.repository(call, place.reference);
    const auto host = transport::ecr::parse_host(place.reference.registry);
    if (ecr_ != nullptr && host && !host->is_public) {
      store =
          transport::ecr::make_store(std::move(store), *ecr_, *host, place.reference.repository);
    }
  } else if (use == Use::rehearse && !std::filesystem::exists(place.path)) {
    store = oci::make_memory_store(place.store_name());
  } else if (place.kind == Place::Kind::layout) {
    store = oci::open_layout(call, place.path, mode);
  } else {
    const bool docker = place.kind == Place::Kind::docker_archive;
    store = oci::open_archive(call, place.path, mode,
                              docker ? oci::ArchiveFormat::docker : oci::ArchiveFormat::oci);
  }
  if (use == Use::rehearse) store = make_rehearsal(std::move(store));
  return *stores_.emplace(key, std::move(store)).first->second;
}

void Places::commit(const oci::Call& call) {
  for (auto& [key, store] : stores_) store->commit(call);
}

std::vector<Target> group_targets(const std::vector<Place>& places) {
  std::vector<Target> targets;
  for (const Place& place : places) {
    auto same = std::find_if(targets.begin(), targets.end(), [&](const Target& target) {
      return target.place.store_name() == place.store_name();
    });
    if (same == targets.end()) same = targets.insert(targets.end(), Target{place, {}});
    if (const std::string tag = place.tag();
        !tag.empty() && std::find(same->tags.begin(), same->tags.end(), tag) == same->tags.end()) {
      same->tags.push_back(tag);
    }
  }
  std::stable_partition(targets.begin(), targets.end(),
                        [](const Target& target) { return target.place.local(); });
  return targets;
}

}  // namespace davit::app
