#include "oci/image/unpack.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <memory>

#include "oci/base/error.hpp"
#include "oci/base/log.hpp"
#include "src/cli/options.hpp"
#include "src/cli/session.hpp"
#include "src/cli/terminal.hpp"
#include "src/cli/values.hpp"

namespace davit::app {
namespace {

struct UnpackWords {
  PlatformChoice platform;
  std::string source;
  std::string directory;
  std::string max_size;
};

void report(const oci::Unpacked& unpacked) {
  for (const auto& [what, shortfall] : unpacked.shortfalls) {
    oci::log(oci::LogLevel::warning,
             fmt::format("{} could not be set or made, {} in all: the first is {}", what,
                         shortfall.count, shortfall.example));
  }
}

void unpack(Session& session, const UnpackWords& words) {
  const Place place = Place::parse(words.source);
  oci::UnpackImageOptions options;
  if (!words.max_size.empty()) options.max_size = parse_size("--max-size", words.max_size);
  const oci::Unpacked unpacked = oci::unpack_image(
      session.call(),
      oci::open_layers(session.call(), session.places().open(session.call(), place, Use::read),
                       place.identifier(), words.platform.chosen()),
      words.directory, options);
  report(unpacked);
  Output& out = session.output();
  out.line(unpacked.image);
  out.member("image", unpacked.image);
  out.member("directory", words.directory);
}

}  // namespace

void declare_unpack(Arguments command) {
  auto words = std::make_shared<UnpackWords>();
  command.positional("SOURCE", words->source, "where the image is");
  command.positional("DIR", words->directory, "a directory that is empty, or not there yet");
  words->platform.declare_one(
      command, "of an index, the image for this platform; by default this machine's");
  command.option("--max-size", "SIZE", words->max_size, "refuse more than so much of files");
  declare_progress(command);
  command.footer(
      "Straight from the registry: nothing else is stored. As root owners and devices are made as "
      "the\nimage has them; otherwise all is yours, and devices are left out.\n"
      "Example:\n  davit unpack debian:bookworm ./rootfs");
  declare_common(command);
  command.run([words](Session& session) { unpack(session, *words); });
}

}  // namespace davit::app
