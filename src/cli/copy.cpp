#include <memory>

#include "oci/base/error.hpp"
#include "src/cli/options.hpp"
#include "src/cli/session.hpp"
#include "src/ops/transfer.hpp"

namespace davit::app {
namespace {

struct CopyWords {
  Transfer transfer;
  Destination destination;
  PlatformChoice platform;
  std::string source;
  std::vector<std::string> destinations;
  bool force = false;
};

void declare_force(Arguments& command, CopyWords& words) {
  command.flag("--force", words.force,
               "send everything, also what the destination says that it has");
}

enum class SourceKind { any, local };

void copy(Session& session, const CopyWords& words, SourceKind kind) {
  const Place from = Place::parse(words.source);
  std::vector<Place> to;
  for (const std::string& text : words.destinations) to.push_back(Place::parse(text));
  if (kind == SourceKind::local) {
    if (!from.local()) {
      throw oci::Error(oci::ErrorKind::usage, words.source + " is not a local place",
                       "push takes oci:DIR or oci-archive:FILE; copy takes any place");
    }
    for (const Place& place : to) {
      if (place.local()) {
        throw oci::Error(oci::ErrorKind::usage, place.store_name() + " is not in a registry",
                         "copy takes any place");
      }
    }
  }
  words.destination.prepare(session, to);
  session.print(
      copy_image(session.call(), session.places(), from, to,
                 {.platform = words.platform.chosen(),
                  .jobs = words.transfer.jobs,
                  .use = words.destination.use(),
                  .present = words.force ? oci::Present::sent_again : oci::Present::trusted}));
}

void declare(Arguments command, SourceKind kind) {
  auto words = std::make_shared<CopyWords>();
  command.positional("SOURCE", words->source, "where the image is");
  command.positionals("DESTINATION", words->destinations, 1, "where it goes; may be several");
  words->transfer.declare(command);
  declare_force(command, *words);
  words->destination.declare(command);
  words->platform.declare(command);
  declare_common(command);
  command.run([words, kind](Session& session) { copy(session, *words, kind); });
}

/// "oci:python:3.12-slim" for library/python:3.12-slim.
std::string default_layout(const Place& source) {
  const std::string& repository = source.reference.repository;
  const std::string name = repository.substr(repository.rfind('/') + 1);
  return "oci:" + name + ":" + source.reference.tag.value_or("latest");
}

}  // namespace

void declare_copy(Arguments command) {
  command.footer(
      "Examples:\n"
      "  davit copy python:3.12-slim registry.example/base/python:3.12-slim\n"
      "  davit copy --platform linux/arm64 alpine:3.20 oci:alpine:3.20\n"
      "  davit copy oci-archive:app.tar registry.example/app:1.0 registry.example/app:latest");
  declare(command, SourceKind::any);
}

void declare_push(Arguments command) {
  command.footer(
      "Examples:\n"
      "  davit push oci:app:1.0 registry.example/app\n"
      "  davit push oci-archive:app.tar registry.example/app:1.0 other.example/app:1.0");
  declare(command, SourceKind::local);
}

void declare_pull(Arguments command) {
  auto words = std::make_shared<CopyWords>();
  auto destination = std::make_shared<std::string>();
  command.positional("SOURCE", words->source, "the image in a registry");
  command.optional_positional("DESTINATION", *destination,
                              "oci:DIR[:TAG] or oci-archive:FILE[:TAG]; by default a layout named "
                              "after the repository");
  words->transfer.declare(command);
  declare_force(command, *words);
  words->destination.declare(command);
  words->platform.declare(command);
  declare_common(command);
  command.footer(
      "What an interrupted pull has brought is not fetched again, large blobs to the mebibyte.\n"
      "Examples:\n"
      "  davit pull python:3.12-slim\n"
      "  davit pull --platform linux/arm64 alpine:3.20 oci-archive:alpine.tar:3.20");
  command.run([words, destination](Session& session) {
    const Place source = Place::parse(words->source);
    if (source.local()) {
      throw oci::Error(oci::ErrorKind::usage, words->source + " is not in a registry",
                       "copy takes any place");
    }
    words->destinations = {destination->empty() ? default_layout(source) : *destination};
    if (!Place::parse(words->destinations[0]).local()) {
      throw oci::Error(oci::ErrorKind::usage, *destination + " is not a local place",
                       "copy takes any place");
    }
    copy(session, *words, SourceKind::any);
  });
}

}  // namespace davit::app
