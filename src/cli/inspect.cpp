#include "oci/image/inspect.hpp"

#include <fmt/format.h>

#include <memory>

#include "oci/base/text.hpp"
#include "src/cli/options.hpp"
#include "src/cli/session.hpp"
#include "src/cli/terminal.hpp"

namespace davit::app {
namespace {

/// A person reads the facts of an image's config that matter; a script gets the whole config.
void print_config(Output& out, const oci::ImageConfig& config) {
  const auto words = [](const std::vector<std::string>& all) { return oci::join(all, " "); };
  out.fact("Platform", "", config.platform.str());
  out.fact("Created", "", config.created);
  out.fact("Author", "", config.author);
  out.fact("Entrypoint", "", words(config.entrypoint));
  out.fact("Cmd", "", words(config.cmd));
  out.fact("Workdir", "", config.working_dir);
  out.fact("User", "", config.user);
  out.fact("Ports", "", words(config.exposed_ports));
  out.fact("Volumes", "", words(config.volumes));
  for (const std::string& assignment : config.env) out.fact("Env", "", assignment);
  for (const auto& [name, value] : config.labels) out.fact("Label", "", name + "=" + value);
}

void print_layers(Output& out, const oci::Manifest& manifest,
                  const std::optional<oci::ImageConfig>& config) {
  std::vector<std::string> steps;
  if (config) {
    for (const oci::History& entry : config->history) {
      if (entry.empty_layer) continue;
      steps.push_back(oci::printable(entry.created_by.empty() ? entry.comment : entry.created_by));
    }
  }
  out.line("");
  out.table("", {{"LAYER", ""}, {"SIZE", ""}, {"FORMAT", ""}, {"CREATED BY", ""}});
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < manifest.layers.size(); ++i) {
    const oci::Descriptor& layer = manifest.layers[i];
    total += layer.size;
    std::string step = i < steps.size() ? steps[i] : "";
    if (step.size() > 60) step = step.substr(0, 57) + "...";
    out.row({layer.digest.str(), Size{layer.size},
             layer.media_type.substr(layer.media_type.rfind('.') + 1), step});
  }
  out.sum({fmt::format("{} in all", manifest.layers.size()), Size{total}});
}

void print_members(Output& out, const oci::Index& index) {
  out.line("");
  out.table("", {{"PLATFORM", ""}, {"DIGEST", ""}, {"SIZE", ""}, {"TYPE", ""}});
  for (const oci::Descriptor& entry : index.manifests) {
    out.row({entry.platform ? Cell(entry.platform->str()) : Cell(), entry.digest.str(),
             Size{entry.size}, entry.media_type});
  }
}

/// A person gets what matters in words; a script the documents as they parse. Their own bytes are
/// what `manifest` and `config` print.
void print(Output& out, const oci::Inspection& found) {
  const auto* manifest = std::get_if<oci::Manifest>(&found.document);
  out.fact("Name", "name", found.store);
  out.fact("Digest", "digest", found.root.digest.str());
  out.fact("Type", "mediaType", found.root.media_type);
  out.fact("", "size", found.root.size);
  if (out.form() == Output::Form::json) {
    out.member(manifest == nullptr ? "index" : "manifest",
               oci::parse_json(found.root_bytes, found.store));
    if (found.config) out.member("config", oci::parse_json(*found.config_bytes, found.store));
    return;
  }
  if (found.config) print_config(out, *found.config);
  if (manifest != nullptr) {
    print_layers(out, *manifest, found.config);
  } else {
    print_members(out, std::get<oci::Index>(found.document));
  }
}

struct Words {
  PlatformChoice platform;
  std::string place;
};

/// The four commands differ in what they print of the same documents.
void declare(Arguments& command, Prints prints, void (*print)(Session&, const Words&)) {
  auto words = std::make_shared<Words>();
  command.positional("PLACE", words->place, "a registry image, oci:DIR[:TAG] or oci-archive:FILE");
  words->platform.declare(command);
  declare_common(command, prints);
  command.run([words, print](Session& session) { print(session, *words); });
}

oci::Inspection read(Session& session, const Words& words,
                     const std::optional<oci::Platform>& platform) {
  const Place place = Place::parse(words.place);
  return oci::inspect_image(session.call(), session.places().open(session.call(), place, Use::read),
                            place.identifier(), platform);
}

}  // namespace

void declare_inspect(Arguments command) {
  declare(command, Prints::result, [](Session& session, const Words& words) {
    const oci::Inspection found = read(session, words, words.platform.chosen());
    print(session.output(), found);
  });
}

void declare_manifest(Arguments command) {
  declare(command, Prints::bytes, [](Session& session, const Words& words) {
    write_stdout(read(session, words, words.platform.chosen()).root_bytes);
  });
}

void declare_config(Arguments command) {
  declare(command, Prints::bytes, [](Session& session, const Words& words) {
    // An index has no config, so one of its images is chosen.
    const oci::Platform platform = words.platform.chosen().value_or(oci::Platform::host());
    const oci::Inspection found = read(session, words, platform);
    oci::manifest_of(found.document, found.store + "@" + found.root.digest.str());
    write_stdout(found.config_bytes.value());
  });
}

void declare_digest(Arguments command) {
  declare(command, Prints::result, [](Session& session, const Words& words) {
    const Place place = Place::parse(words.place);
    oci::Store& store = session.places().open(session.call(), place, Use::read);
    const oci::Descriptor found =
        oci::find_image(session.call(), store, place.identifier(), words.platform.chosen());
    Output& out = session.output();
    out.line(found.digest.str());
    out.member("name", store.name());
    out.member("digest", found.digest.str());
    out.member("mediaType", found.media_type);
    out.member("size", found.size);
  });
}

}  // namespace davit::app
