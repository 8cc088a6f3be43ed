#include "oci/image/inspect.hpp"

#include <fmt/format.h>

#include <memory>

#include "src/cli/json_text.hpp"
#include "src/cli/options.hpp"
#include "src/cli/session.hpp"
#include "src/cli/terminal.hpp"

namespace davit::app {
namespace {

using OrderedJson = nlohmann::ordered_json;
using Rows = std::vector<std::vector<std::string>>;
using oci::printable;

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    if (!text.empty()) text += ' ';
    text += printable(word);
  }
  return text;
}

void add_row(Rows& rows, const std::string& name, const std::string& value) {
  if (!value.empty()) rows.push_back({name, value});
}

Rows summary(const oci::Inspection& found) {
  Rows rows;
  add_row(rows, "Name", found.store);
  add_row(rows, "Digest", found.root.digest.str());
  add_row(rows, "Type", found.root.media_type);
  if (!found.config) return rows;
  const oci::ImageConfig& config = *found.config;
  add_row(rows, "Platform", printable(config.platform.str()));
  add_row(rows, "Created", printable(config.created));
  add_row(rows, "Author", printable(config.author));
  add_row(rows, "Entrypoint", join(config.entrypoint));
  add_row(rows, "Cmd", join(config.cmd));
  add_row(rows, "Workdir", printable(config.working_dir));
  add_row(rows, "User", printable(config.user));
  add_row(rows, "Ports", join(config.exposed_ports));
  add_row(rows, "Volumes", join(config.volumes));
  for (const std::string& assignment : config.env) add_row(rows, "Env", printable(assignment));
  for (const auto& [name, value] : config.labels) {
    add_row(rows, "Label", printable(name) + "=" + printable(value));
  }
  return rows;
}

std::string layers_table(const oci::Manifest& manifest,
                         const std::optional<oci::ImageConfig>& config) {
  Rows rows = {{"LAYER", "SIZE", "FORMAT", "CREATED BY"}};
  std::vector<std::string> steps;
  if (config) {
    for (const oci::History& entry : config->history) {
      if (entry.empty_layer) continue;
      steps.push_back(printable(entry.created_by.empty() ? entry.comment : entry.created_by));
    }
  }
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < manifest.layers.size(); ++i) {
    const oci::Descriptor& layer = manifest.layers[i];
    total += layer.size;
    std::string step = i < steps.size() ? steps[i] : "";
    if (step.size() > 60) step = step.substr(0, 57) + "...";
    const auto suffix = layer.media_type.rfind('.');
    rows.push_back({layer.digest.str(), oci::human_size(layer.size),
                    printable(layer.media_type.substr(suffix + 1)), step});
  }
  rows.push_back({fmt::format("{} in all", manifest.layers.size()), oci::human_size(total)});
  return table(rows);
}

std::string manifests_table(const oci::Index& index) {
  Rows rows = {{"PLATFORM", "DIGEST", "SIZE", "TYPE"}};
  for (const oci::Descriptor& entry : index.manifests) {
    rows.push_back({entry.platform ? printable(entry.platform->str()) : "-", entry.digest.str(),
                    oci::human_size(entry.size), printable(entry.media_type)});
  }
  return table(rows);
}

/// Documents of others are shown as they parse; their own bytes are what `manifest` prints.
OrderedJson to_json(const oci::Inspection& found) {
  OrderedJson json;
  json["name"] = found.store;
  json["digest"] = found.root.digest.str();
  json["mediaType"] = found.root.media_type;
  json["size"] = found.root.size;
  const bool index = std::holds_alternative<oci::Index>(found.document);
  json[index ? "index" : "manifest"] = OrderedJson::parse(found.root_bytes);
  if (found.config) json["config"] = OrderedJson::parse(*found.config_bytes);
  return json;
}

void inspect(const oci::Inspection& found, bool as_json) {
  if (as_json) {
    write_stdout(json_text(to_json(found)));
    return;
  }
  std::string text = table(summary(found)) + "\n";
  if (const auto* manifest = std::get_if<oci::Manifest>(&found.document)) {
    text += layers_table(*manifest, found.config);
  } else {
    text += manifests_table(std::get<oci::Index>(found.document));
  }
  write_stdout(text);
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
  return oci::inspect_image(session.places().open(place, Use::read), place.identifier(), platform);
}

}  // namespace

void declare_inspect(Arguments command) {
  declare(command, Prints::result, [](Session& session, const Words& words) {
    inspect(read(session, words, words.platform.chosen()), session.json());
  });
}

void declare_manifest(Arguments command) {
  declare(command, Prints::bytes, [](Session& session, const Words& words) {
    write_stdout(read(session, words, words.platform.chosen()).root_bytes);
  });
}

void declare_config(Arguments command) {
  declare(command, Prints::bytes, [](Session& session, const Words& words) {
    // An index has no config: one of its images has.
    const oci::Platform platform = words.platform.chosen().value_or(oci::Platform::host());
    write_stdout(*read(session, words, platform).config_bytes);
  });
}

void declare_digest(Arguments command) {
  declare(command, Prints::result, [](Session& session, const Words& words) {
    const Place place = Place::parse(words.place);
    oci::Store& store = session.places().open(place, Use::read);
    const oci::Descriptor found =
        oci::find_image(store, place.identifier(), words.platform.chosen());
    write_stdout(found.digest.str() + "\n");
  });
}

}  // namespace davit::app
