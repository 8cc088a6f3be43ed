#include "src/ops/build.hpp"

#include <fmt/format.h>

#include "oci/base/log.hpp"
#include "oci/base/tasks.hpp"
#include "oci/image/inspect.hpp"
#include "oci/model/manifest.hpp"
#include "oci/store/copy.hpp"

namespace davit::app {
namespace {

using oci::Descriptor;
using oci::Error;
using oci::ErrorKind;

/// The image below: nothing of it but its documents is read here.
struct Base {
  oci::Store& store;
  oci::Manifest manifest;
  std::string config;
  oci::Platform platform;
};

std::optional<Base> read_base(Places& places, const BuildOptions& options) {
  if (!options.base) return std::nullopt;
  oci::Store& store = places.open(*options.base, Use::read);
  const Descriptor root =
      oci::find_image(store, options.base->identifier(),
                      options.platform ? *options.platform : oci::Platform::host());
  const std::string what = store.name() + "@" + root.digest.str();
  Base base{store, {}, {}, {}};
  base.manifest = oci::manifest_of(
      oci::parse_document(root.media_type, oci::fetch_document(store, root), what), what);
  base.config = oci::fetch_document(store, base.manifest.config);
  const oci::ImageConfig config = oci::parse_config(base.config, "the config of " + what);
  base.platform = config.platform;
  if (config.diff_ids.size() != base.manifest.layers.size()) {
    throw Error(ErrorKind::corrupt,
                fmt::format("{} has {} layers, but its config lists {}", what,
                            base.manifest.layers.size(), config.diff_ids.size()));
  }
  if (options.platform && !config.platform.satisfies(*options.platform)) {
    throw Error(ErrorKind::not_found,
                fmt::format("{} has no image for {}", what, options.platform->str()),
                fmt::format("it is for {}", oci::printable(config.platform.str())));
  }
  return base;
}

/// The type of a layer in a manifest of the wanted format. OCI's and Docker's types name the same
/// bytes; strict readers refuse a manifest that mixes them.
std::string layer_type(const std::string& type, ImageFormat format) {
  const auto content = oci::layer_format(type);
  if (!content) {
    throw Error(ErrorKind::corrupt,
                fmt::format("'{}' is no type of a layer", oci::printable(type)));
  }
  if (format == ImageFormat::docker) {
    if (oci::is_nondistributable(type)) {
      return "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
    }
    if (*content != oci::LayerFormat::gzip) {
      throw Error(ErrorKind::usage, fmt::format("Docker's format has no type for {}", type),
                  oci::Advice::choose_oci_format);
    }
    return std::string(oci::media::docker_layer_gzip);
  }
  if (!type.starts_with("application/vnd.docker.")) return type;
  if (oci::is_nondistributable(type)) {
    return "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
  }
  return std::string(*content == oci::LayerFormat::gzip   ? oci::media::oci_layer_gzip
                     : *content == oci::LayerFormat::zstd ? oci::media::oci_layer_zstd
                                                          : oci::media::oci_layer);
}

/// How many layers are compressed at the same time. One keeps all cores busy; a second fills the
/// time in which the first waits for the registry. zstd's working memory allows but one.
std::size_t layers_at_once(const oci::Compression& compression) {
  return compression.format() == oci::LayerFormat::zstd ? 1 : 2;
}

/// What an image is for: the platform asked for, else the base's, else this machine's.
oci::Platform platform_of(const std::optional<Base>& base, const BuildOptions& options) {
  if (options.platform) return *options.platform;
  return base ? base->platform : oci::Platform::host();
}

/// `first` is the target that layers are built into.
oci::LayerCache read_cache(Places& places, const Place& first, const oci::Platform& platform,
                           const BuildOptions& options) {
  oci::LayerCache cache(options.compression);
  if (!options.cache) return cache;
  const auto add = [&](const Place& place, oci::LayerCache::Claims claims, oci::LogLevel level) {
    try {
      if (cache.add(places.open(place, Use::read), place.identifier(), platform, claims)) return;
      oci::log(level, place.store_name() + ": no image whose layers could be used again");
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::interrupted) throw;
      oci::log(level, fmt::format("no layers are used again: {}", error.what()));
    }
  };
  using Claims = oci::LayerCache::Claims;
  // What needs no check goes first: of two images with a layer, the first one's is used.
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

std::vector<oci::BuiltLayer> build_layers(oci::Store& to, const oci::LayerCache& cache,
                                          const BuildOptions& options) {
  const std::vector<oci::LayerInput> inputs =
      options.max_layer_size > 0 ? oci::split_inputs(options.layers, options.max_layer_size)
                                 : options.layers;
  std::vector<oci::BuiltLayer> built(inputs.size());
  oci::CompressionPool pool;
  oci::TaskGroup tasks(std::min(options.jobs, layers_at_once(options.compression)), options.stop);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    tasks.run([&, i] {
      const oci::LayerInput& input = inputs[i];
      const oci::LayerWork work{to,   options.compression, cache,
                                pool, options.progress,    tasks.stop_token()};
      oci::doing(fmt::format("building a layer of {}", oci::printable(input.path.native())),
                 [&] { built[i] = oci::build_layer(input, fmt::format("layer {}", i + 1), work); });
      built[i].created_by = input.created_by;
    });
  }
  tasks.wait();
  return built;
}

/// The new image's documents: its config is stored, its manifest is what gets the tags.
std::string assemble(oci::Store& to, const std::optional<Base>& base,
                     const std::vector<oci::BuiltLayer>& built, const BuildOptions& options) {
  const bool docker = options.format == ImageFormat::docker;
  oci::ConfigChanges changes = options.config;
  changes.platform = platform_of(base, options);

  oci::Manifest manifest;
  manifest.media_type = docker ? oci::media::docker_manifest : oci::media::oci_manifest;
  manifest.annotations = options.annotations;
  if (base) manifest.layers = base->manifest.layers;
  for (const oci::BuiltLayer& layer : built) {
    manifest.layers.push_back(layer.descriptor);
    changes.layers.push_back({layer.diff_id, layer.created_by, layer.comment});
  }
  for (Descriptor& layer : manifest.layers) {
    layer.media_type = layer_type(layer.media_type, options.format);
  }
  const std::string config = oci::derive_config(
      base ? std::optional<std::string_view>(base->config) : std::nullopt, changes);
  manifest.config =
      oci::describe(docker ? oci::media::docker_config : oci::media::oci_config, config);
  if (!to.has(manifest.config)) to.push(manifest.config, oci::content_of(config));
  return oci::to_json(manifest);
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
  if (options.format == ImageFormat::docker) {
    layer_type(std::string(options.compression.media_type()), options.format);
    if (!options.annotations.empty()) {
      throw Error(ErrorKind::usage, "Docker's format has no annotations",
                  oci::Advice::choose_oci_format);
    }
  }
  for (const oci::LayerInput& input : options.layers) oci::check_input(input);
}

}  // namespace

std::vector<Landed> build_image(Places& places, const BuildOptions& options) {
  check(options);
  const std::optional<Base> base = read_base(places, options);
  const std::vector<Target> targets = group_targets(options.targets);
  oci::Store& first = places.open(targets[0].place, options.use);

  const oci::CopyOptions copying{
      .jobs = options.jobs, .progress = options.progress, .stop = options.stop};
  if (base) oci::copy_blobs(base->store, first, base->manifest.layers, copying);
  const oci::LayerCache cache =
      read_cache(places, targets[0].place, platform_of(base, options), options);
  const std::vector<oci::BuiltLayer> built = build_layers(first, cache, options);
  const std::string document = assemble(first, base, built, options);

  const Descriptor root =
      oci::describe(options.format == ImageFormat::docker ? oci::media::docker_manifest
                                                          : oci::media::oci_manifest,
                    document);
  std::vector<Landed> landed;
  // Everything is in its place before the first tag moves, here or elsewhere.
  if (targets.size() > 1 || targets[0].tags.empty()) first.push(root, oci::content_of(document));
  for (std::size_t i = 1; i < targets.size(); ++i) {
    oci::copy(first, places.open(targets[i].place, options.use), root, copying);
  }
  for (const Target& target : targets) {
    oci::Store& store = places.open(target.place, options.use);
    for (const std::string& tag : target.tags) store.tag(root, oci::content_of(document), tag);
    landed.push_back({store.name(), target.tags, root});
  }
  if (options.use == Use::write) places.commit();
  return landed;
}

}  // namespace davit::app
