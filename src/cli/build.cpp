#include "src/ops/build.hpp"

#include <fmt/format.h>

#include <memory>

#include "oci/base/error.hpp"
#include "src/cli/options.hpp"
#include "src/cli/session.hpp"
#include "src/cli/values.hpp"

namespace davit::app {
namespace {

using oci::Error;
using oci::ErrorKind;

/// A layer as the command line names it.
struct LayerWords {
  enum class Kind { tree, tarball };
  Kind kind = Kind::tree;
  std::string path;
  std::string destination;
};

/// The words of the command line, as they stand there.
struct BuildWords {
  Transfer transfer;
  Destination destination;
  PlatformChoice platform;
  std::string base;
  std::vector<LayerWords> layers;
  std::vector<std::string> targets;
  std::vector<std::string> cache_from;
  bool no_cache = false;
  std::optional<std::string> entrypoint;
  std::optional<std::string> cmd;
  std::vector<std::string> env;
  std::optional<std::string> workdir;
  std::optional<std::string> user;
  std::vector<std::string> expose;
  std::vector<std::string> volumes;
  std::vector<std::string> labels;
  std::vector<std::string> annotations;
  std::optional<std::string> stop_signal;
  std::optional<std::string> healthcheck;
  std::optional<std::string> author;
  std::string created;
  std::string owner;
  std::string compression = "gzip";
  std::string max_layer_size;
  std::string format = "oci";
  std::string history;
};

/// "TAR", or "PATH=/DEST". A path may hold "=": the last "=/" counts.
LayerWords layer_words(const std::string& value) {
  const auto split = value.rfind("=/");
  if (split == std::string::npos) return {LayerWords::Kind::tarball, value, ""};
  return {LayerWords::Kind::tree, value.substr(0, split), value.substr(split + 1)};
}

void declare_image_options(Arguments& command, const std::shared_ptr<BuildWords>& words) {
  command.heading("Image");
  command.option("--entrypoint", "JSON|WORDS", words->entrypoint,
                 "the program; drops the base's cmd");
  command.option("--cmd", "JSON|WORDS", words->cmd, "its default arguments");
  command.list("-e,--env", "NAME=VALUE", words->env, "environment");
  command.option("-w,--workdir", "DIR", words->workdir, "working directory");
  command.option("-u,--user", "USER[:GROUP]", words->user, "user");
  command.list("--expose", "PORT[/PROTO]", words->expose, "port that is listened on");
  command.list("--volume", "DIR", words->volumes, "directory that holds data");
  command.list("-l,--label", "NAME=VALUE", words->labels, "label in the configuration");
  command.list("--annotation", "NAME=VALUE", words->annotations, "annotation of the manifest");
  command.option("--stop-signal", "SIGNAL", words->stop_signal, "what asks the program to end");
  command.option("--healthcheck", "none|JSON|LINE", words->healthcheck,
                 "command that says whether it is well");
  command.option("--author", "TEXT", words->author, "who made it");
  command.option("--created", "RFC3339|now|epoch", words->created,
                 "when; by default SOURCE_DATE_EPOCH, else 1970");
  command.option("--history", "TEXT", words->history, "what the history says of the layers");
  command.heading("Layers");
  command.option("--owner", "UID:GID", words->owner, "owner of all files of directories");
  command.option("--compression", "FORMAT", words->compression,
                 "gzip, gzip:1..9, zstd, zstd:1..22 or none");
  command.option("--max-layer-size", "SIZE", words->max_layer_size,
                 "cut larger directories into several layers, stable from build to build");
  command.list("--cache-from", "PLACE", words->cache_from,
               "image whose layers are used again where they are the same, besides the target's");
  command.flag("--no-cache", words->no_cache, "compress and send all layers anew");
  command.option("--format", "oci|docker", words->format, "kind of the image's documents");
}

/// The history does not name the path on this machine: the same tree would be another image
/// elsewhere.
std::string history_of(const BuildWords& words) {
  return words.history.empty() ? "davit build" : words.history;
}

oci::ConfigChanges config_changes(const BuildWords& words,
                                  std::optional<std::int64_t> source_date) {
  oci::ConfigChanges changes;
  changes.created = parse_created(words.created, source_date);
  changes.created_by = history_of(words);
  changes.author = words.author;
  for (const std::string& assignment : words.env) {
    parse_assignments("--env", {assignment});
    changes.env.push_back(assignment);
  }
  if (words.entrypoint) changes.entrypoint = parse_words("--entrypoint", *words.entrypoint);
  if (words.cmd) changes.cmd = parse_words("--cmd", *words.cmd);
  changes.working_dir = words.workdir;
  if (words.workdir && !words.workdir->starts_with('/')) {
    throw Error(ErrorKind::usage, fmt::format("--workdir: '{}' is not an absolute path",
                                              oci::printable(*words.workdir)));
  }
  changes.user = words.user;
  changes.stop_signal = words.stop_signal;
  if (words.healthcheck) changes.healthcheck = parse_healthcheck(*words.healthcheck);
  for (const std::string& port : words.expose) {
    changes.exposed_ports.push_back(parse_port("--expose", port));
  }
  for (const std::string& volume : words.volumes) {
    if (!volume.starts_with('/')) {
      throw Error(ErrorKind::usage,
                  fmt::format("--volume: '{}' is not an absolute path", oci::printable(volume)));
    }
  }
  changes.volumes = words.volumes;
  changes.labels = parse_assignments("--label", words.labels);
  return changes;
}

/// Opens what layers are made of, so that what is missing is said before anything is sent.
std::vector<oci::LayerInput> layer_inputs(const BuildWords& words,
                                          std::optional<std::int64_t> source_date,
                                          const std::stop_token& stop) {
  oci::TreeOptions options;
  options.clamp_mtime = source_date;
  options.stop = stop;
  // A layer on top of a base leaves the root directory to the base.
  if (!words.base.empty()) options.root_entry = oci::RootEntry::omitted;
  if (!words.owner.empty()) options.owner = parse_owner("--owner", words.owner);
  std::uint64_t max_size = 0;
  if (!words.max_layer_size.empty()) {
    max_size = parse_size("--max-layer-size", words.max_layer_size);
    if (max_size < 1'000'000) throw Error(ErrorKind::usage, "--max-layer-size is at least 1M");
  }
  std::vector<oci::LayerInput> inputs;
  for (const LayerWords& layer : words.layers) {
    if (layer.kind == LayerWords::Kind::tarball) {
      inputs.push_back(oci::tarball_layer(layer.path));
      continue;
    }
    options.destination = layer.destination;
    for (auto& input : oci::tree_layers(layer.path, options, max_size)) {
      inputs.push_back(std::move(input));
    }
  }
  for (oci::LayerInput& input : inputs) input.created_by = history_of(words);
  return inputs;
}

BuildOptions build_options(const BuildWords& words, Session& session) {
  const std::optional<std::int64_t> source_date = source_date_epoch();
  BuildOptions options;
  if (!words.base.empty()) options.base = Place::parse(words.base);
  for (const std::string& target : words.targets) options.targets.push_back(Place::parse(target));
  for (const std::string& place : words.cache_from) {
    options.cache_from.push_back(Place::parse(place));
  }
  options.cache = !words.no_cache;
  options.platform = words.platform.chosen();
  options.config = config_changes(words, source_date);
  options.annotations = parse_assignments("--annotation", words.annotations);
  options.compression = oci::Compression::parse(words.compression);
  options.format = parse_choice("--format", words.format, {"oci", "docker"}) == 0
                       ? ImageFormat::oci
                       : ImageFormat::docker;
  options.layers = layer_inputs(words, source_date, session.call().stop);
  options.jobs = words.transfer.jobs;
  options.use = words.destination.use();
  return options;
}

}  // namespace

void declare_build(Arguments command) {
  auto words = std::make_shared<BuildWords>();
  command.heading("Options");
  command.option("-b,--base", "PLACE", words->base, "image to build on");
  command.each(
      "--rootfs", "DIR",
      [words](const std::string& path) {
        words->layers.push_back({LayerWords::Kind::tree, path, ""});
      },
      "a layer with the files of a directory");
  command.each(
      "--layer", "TAR|PATH=/DEST",
      [words](const std::string& value) { words->layers.push_back(layer_words(value)); },
      "a layer from a tarball (.gz .zst .xz too), or a file or directory put at DEST");
  command.list("-t,--tag", "PLACE", words->targets, "where the image goes; may be several");
  words->platform.declare_one(command, "what it runs on; of a base for several, the one to take");
  words->transfer.declare(command);
  words->destination.declare(command);
  declare_image_options(command, words);
  declare_common(command);
  command.footer(
      "Layers are stacked in the order given. The same files give the same image, byte for byte.\n"
      "Examples:\n"
      "  davit build --rootfs ./rootfs --cmd /bin/sh -t registry.example/app:1.0\n"
      "  davit build --base python:3.12-slim --layer ./app=/srv/app --entrypoint 'python -m app' "
      "\\\n"
      "      -t registry.example/app:1.0 -t registry.example/app:latest\n"
      "  davit build --layer base.tar.gz --layer app.tar --compression zstd -t oci:out:1.0");
  command.run([words](Session& session) {
    const BuildOptions options = build_options(*words, session);
    words->destination.prepare(session, options.targets);
    session.print(build_image(session.call(), session.places(), options));
  });
}

}  // namespace davit::app
