#include "src/ops/build.hpp"

#include <fmt/format.h>

#include "oci/base/log.hpp"
#include "oci/store/copy.hpp"

namespace davit::app {
namespace {

using oci::Descriptor;
using oci::Error;
using oci::ErrorKind;

/// `first` is the target that layers are built into.
oci::LayerCache read_cache(const oci::Call& call, Places& places, const Place& first,
                           const oci::Platform& platform, const BuildOptions& options) {
  oci::LayerCache cache(options.compression);
  if (!options.cache) return cache;
  const auto add = [&](const Place& place, oci::LayerCache::Claims claims, oci::LogLevel level) {
    try {
      if (cache.add(call, places.open(call, place, Use::read), place.identifier(), platform,
                    claims))
        return;
      oci::log(level, place.store_name() + ": no image whose layers could be used again");
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::interrupted) throw;
      oci::log(level, fmt::format("no layers are used again: {}", error.what()));
    }
  };
  using Claims = oci::LayerCache::Claims;
  // Where two images have a layer, that of the first is used. So those that need no check go first.
  for (const Place& place : options.targets) {
    const bool own = place.store_name() == first.store_name();
    if (own && !place.tag().empty()) add(place, Claims::believed, oci::LogLevel::info);
  }
  for (const Place& place : options.targets) {
    const bool own = place.store_name() == first.store_name();
    if (!own && !place.tag().empty()) add(place, Claims::checked, oci::LogLevel::info);
  }
  for (const Place& place : options.cache_from) {
    add(place, Claims::checked, oci::LogLevel::warning);
  }
  return cache;
}

void check(const BuildOptions& options) {
  if (options.layers.empty() && !options.base) {
    throw Error(ErrorKind::usage, "there is nothing to build from",
                "give --rootfs DIR, --layer TAR or --base PLACE");
  }
  if (options.targets.empty()) {
    throw Error(ErrorKind::usage, "there is no place to build to", "give -t PLACE");
  }
  for (const Place& target : options.targets) {
    if (oci::Digest::try_parse(target.identifier())) {
      throw Error(ErrorKind::usage, fmt::format("{} names a digest, which the build alone decides",
                                                target.store_name()));
    }
  }
  oci::check_recipe(options);
}

}  // namespace

std::vector<Landed> build_image(const oci::Call& call, Places& places,
                                const BuildOptions& options) {
  check(options);
  std::optional<oci::BaseImage> base;
  if (options.base) {
    base = oci::read_base(call, places.open(call, *options.base, Use::read),
                          options.base->identifier(), options.platform);
  }
  const std::vector<Target> targets = group_targets(options.targets);
  oci::Store& first = places.open(call, targets[0].place, options.use);
  const oci::LayerCache cache =
      read_cache(call, places, targets[0].place, oci::platform_of(options, base), options);
  const auto [root, document] = oci::make_image(call, first, base, cache, options);
  const oci::CopyOptions copying{.jobs = options.jobs};

  std::vector<Landed> landed;
  // No tag moves before all content is stored, here and in the other places.
  if (targets.size() > 1 || targets[0].tags.empty())
    first.push(call, root, oci::content_of(document));
  for (std::size_t i = 1; i < targets.size(); ++i) {
    oci::copy(call, first, places.open(call, targets[i].place, options.use), root, copying);
  }
  for (const Target& target : targets) {
    oci::Store& store = places.open(call, target.place, options.use);
    for (const std::string& tag : target.tags)
      store.tag(call, root, oci::content_of(document), tag);
    landed.push_back({store.name(), target.tags, root});
  }
  if (options.use == Use::write) places.commit(call);
  return landed;
}

}  // namespace davit::app
