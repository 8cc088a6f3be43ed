#include "oci/image/make.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"
#include "oci/base/tasks.hpp"
#include "oci/image/inspect.hpp"
#include "oci/store/copy.hpp"

namespace davit::oci {
namespace {

/// The type of a layer in a manifest of the wanted format. OCI's and Docker's types name the same
/// bytes; strict readers refuse a manifest that mixes them.
std::string layer_type(const std::string& type, ImageFormat format) {
  const auto content = layer_format(type);
  if (!content) {
    throw Error(ErrorKind::corrupt, fmt::format("'{}' is no type of a layer", printable(type)));
  }
  if (format == ImageFormat::docker) {
    if (is_nondistributable(type)) {
      return "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
    }
    if (*content != LayerFormat::gzip) {
      throw Error(ErrorKind::usage, fmt::format("Docker's format has no type for {}", type),
                  Advice::choose_oci_format);
    }
    return std::string(media::docker_layer_gzip);
  }
  if (!type.starts_with("application/vnd.docker.")) return type;
  if (is_nondistributable(type)) {
    return "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
  }
  return std::string(*content == LayerFormat::gzip   ? media::oci_layer_gzip
                     : *content == LayerFormat::zstd ? media::oci_layer_zstd
                                                     : media::oci_layer);
}

/// How many layers are compressed at the same time. One keeps all cores busy; a second fills the
/// time in which the first waits for the registry. zstd's working memory allows but one.
std::size_t layers_at_once(const Compression& compression) {
  return compression.format() == LayerFormat::zstd ? 1 : 2;
}

std::vector<BuiltLayer> build_layers(const Call& call, Store& to, const LayerCache& cache,
                                     const ImageRecipe& recipe) {
  std::vector<BuiltLayer> built(recipe.layers.size());
  CompressionPool pool;
  TaskGroup tasks(std::min(recipe.jobs, layers_at_once(recipe.compression)), call);
  for (std::size_t i = 0; i < recipe.layers.size(); ++i) {
    tasks.run([&, i] {
      const LayerInput& input = recipe.layers[i];
      const LayerWork work{to, recipe.compression, cache, pool};
      doing(fmt::format("building a layer of {}", input.name), [&] {
        built[i] = build_layer(tasks.call(), input, fmt::format("layer {}", i + 1), work);
      });
    });
  }
  tasks.wait();
  return built;
}

}  // namespace

BaseImage read_base(const Call& call, Store& store, std::string_view tag_or_digest,
                    const std::optional<Platform>& platform) {
  const Descriptor root =
      find_image(call, store, tag_or_digest, platform ? *platform : Platform::host());
  const std::string what = store.name() + "@" + root.digest.str();
  BaseImage base;
  base.store = &store;
  base.manifest =
      manifest_of(parse_document(root.media_type, fetch_document(call, store, root), what), what);
  base.config = fetch_document(call, store, base.manifest.config);
  const ImageConfig config = parse_config(base.config, "the config of " + what);
  base.platform = config.platform;
  if (config.diff_ids.size() != base.manifest.layers.size()) {
    throw Error(ErrorKind::corrupt,
                fmt::format("{} has {} layers, but its config lists {}", what,
                            base.manifest.layers.size(), config.diff_ids.size()));
  }
  if (platform && !config.platform.satisfies(*platform)) {
    throw Error(ErrorKind::not_found, fmt::format("{} has no image for {}", what, platform->str()),
                fmt::format("it is for {}", printable(config.platform.str())));
  }
  return base;
}

void check_recipe(const ImageRecipe& recipe) {
  if (recipe.format == ImageFormat::oci) return;
  layer_type(std::string(recipe.compression.media_type()), recipe.format);
  if (!recipe.annotations.empty()) {
    throw Error(ErrorKind::usage, "Docker's format has no annotations", Advice::choose_oci_format);
  }
}

Platform platform_of(const ImageRecipe& recipe, const std::optional<BaseImage>& base) {
  if (recipe.platform) return *recipe.platform;
  return base ? base->platform : Platform::host();
}

MadeImage make_image(const Call& call, Store& to, const std::optional<BaseImage>& base,
                     const LayerCache& cache, const ImageRecipe& recipe) {
  const bool docker = recipe.format == ImageFormat::docker;
  if (base) {
    copy_blobs(call, *base->store, to, base->manifest.layers, {.jobs = recipe.jobs});
  }
  const std::vector<BuiltLayer> built = build_layers(call, to, cache, recipe);

  ConfigChanges changes = recipe.config;
  changes.platform = platform_of(recipe, base);
  Manifest manifest;
  manifest.media_type = docker ? media::docker_manifest : media::oci_manifest;
  manifest.annotations = recipe.annotations;
  if (base) manifest.layers = base->manifest.layers;
  for (const BuiltLayer& layer : built) {
    manifest.layers.push_back(layer.descriptor);
    changes.layers.push_back({layer.diff_id, layer.created_by, layer.comment});
  }
  for (Descriptor& layer : manifest.layers) {
    layer.media_type = layer_type(layer.media_type, recipe.format);
  }
  const std::string config =
      derive_config(base ? std::optional<std::string_view>(base->config) : std::nullopt, changes);
  manifest.config = describe(docker ? media::docker_config : media::oci_config, config);
  if (!to.has(call, manifest.config)) to.push(call, manifest.config, content_of(config));

  MadeImage made;
  made.manifest = to_json(manifest);
  made.root = describe(manifest.media_type, made.manifest);
  return made;
}

}  // namespace davit::oci
