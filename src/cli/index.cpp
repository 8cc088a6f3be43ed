#include <memory>

#include "oci/base/error.hpp"
#include "src/cli/options.hpp"
#include "src/cli/session.hpp"
#include "src/cli/values.hpp"
#include "src/ops/transfer.hpp"

namespace davit::app {

void declare_index(Arguments family) {
  struct Words {
    Transfer transfer;
    Destination destination;
    std::string place;
    std::vector<std::string> images;
    std::vector<std::string> annotations;
    std::string format = "oci";
  };
  auto words = std::make_shared<Words>();
  Arguments command = family.command("create", "make an index of images that exist");
  command.positional("PLACE", words->place, "where the index goes");
  command.positionals("MANIFEST", words->images, 1, "images, or indexes that give their members");
  command.list("--annotation", "KEY=VALUE", words->annotations, "annotate the index");
  command.option("--format", "oci|docker", words->format, "the kind of document");
  command.footer(
      "Example:\n"
      "  davit index create registry.example/app:1.0 \\\n"
      "      registry.example/app:1.0-amd64 registry.example/app:1.0-arm64");
  words->transfer.declare(command);
  words->destination.declare(command);
  declare_common(command);
  command.run([words](Session& session) {
    const Place place = Place::parse(words->place);
    std::vector<Place> images;
    for (const std::string& text : words->images) images.push_back(Place::parse(text));
    const oci::Annotations annotations = parse_assignments("--annotation", words->annotations);
    const bool docker = parse_choice("--format", words->format, {"oci", "docker"}) == 1;
    if (docker && !annotations.empty()) {
      throw oci::Error(oci::ErrorKind::usage, "--format docker has no annotations");
    }
    words->destination.prepare(session, {place});
    session.print(
        {create_index(session.call(), session.places(), place, images,
                      docker ? oci::media::docker_list : oci::media::oci_index, annotations,
                      {.jobs = words->transfer.jobs, .use = words->destination.use()})});
  });
}

}  // namespace davit::app
