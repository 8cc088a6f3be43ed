#include "src/ops/bundle.hpp"

#include <fmt/format.h>

#include <memory>

#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"
#include "oci/base/text.hpp"
#include "src/cli/options.hpp"
#include "src/cli/session.hpp"
#include "src/cli/terminal.hpp"
#include "src/cli/values.hpp"

namespace davit::app {
namespace {

using oci::Error;
using oci::ErrorKind;

constexpr std::size_t list_limit = 4 * 1024 * 1024;

struct SaveWords {
  Transfer transfer;
  PlatformChoice platform;
  std::string file;
  std::vector<std::string> sources;
  std::string from_file;
  std::string since;
  std::string volume_size;
  bool referrers = false;
  bool docker = false;
};

struct LoadWords {
  Transfer transfer;
  Destination destination;
  std::string file;
  std::string prefix;
};

struct VerifyWords {
  Transfer transfer;
  std::string file;
  bool delta = false;
};

/// The digests are read from the file only where they are printed.
void print_bundle(Session& session, const std::vector<Bundled>& images, const std::string& file) {
  Output& out = session.output();
  out.table("images", {{"IMAGE", "name"},
                       {"DIGEST", "digest"},
                       {"SIZE", "size"},
                       {"MISSING", ""},
                       {"", "missing"}});
  for (const Bundled& image : images) {
    const std::size_t missing = image.missing.size();
    out.row({image.name, image.root.digest.str(), Size{image.size},
             missing == 0 ? Cell() : Cell(missing), missing});
  }
  if (out.form() == Output::Form::text) return;
  oci::Json digests = oci::Json::array();
  for (const oci::Digest& digest : bundle_contents(session.call(), file))
    digests.push_back(digest.str());
  out.member("digests", digests);
}

TransferOptions transfer_options(const Transfer& transfer) { return {.jobs = transfer.jobs}; }

void declare_save(Arguments& family) {
  auto words = std::make_shared<SaveWords>();
  Arguments command = family.command("save", "put images into one file");
  command.option("-o,--output", "FILE", words->file, "the bundle");
  command.positionals("SOURCE", words->sources, 0, "images, in registries or elsewhere");
  command.option("--from", "FILE", words->from_file, "more of them, one a line; - is stdin");
  command.flag("--referrers", words->referrers, "with signatures, SBOMs and the like");
  command.flag("--docker", words->docker, "docker load and podman load take the file, too");
  command.option("--since", "BUNDLE|JSON", words->since,
                 "leave out what this bundle has, or what its list --json says");
  command.option("--volume-size", "SIZE", words->volume_size,
                 "write FILE.001, FILE.002 ... of this size, such as 4G, not one file");
  words->transfer.declare(command);
  words->platform.declare(command);
  declare_common(command);
  command.footer(
      "The file is an OCI image layout in a tar: skopeo reads it as oci-archive. Volumes are its\n"
      "pieces: the other commands take FILE for them, and cat FILE.* puts them together. What\n"
      "came before a fault or a kill stays in FILE.part, and the same command goes on from there.\n"
      "Examples:\n"
      "  davit bundle save -o apps.bundle alpine:3.20 registry.example/team/app:1.0\n"
      "  davit bundle save -o delta.bundle --since apps.bundle registry.example/team/app:1.1");
  command.run([words](Session& session) {
    if (words->file.empty()) throw Error(ErrorKind::usage, "bundle save wants -o FILE");
    if (words->docker && !words->since.empty()) {
      throw Error(ErrorKind::usage, "--docker wants whole images: Docker loads no delta");
    }
    std::vector<std::string> names = words->sources;
    if (!words->from_file.empty()) {
      const auto more = oci::listed_names(read_input(words->from_file, list_limit));
      names.insert(names.end(), more.begin(), more.end());
    }
    if (names.empty()) throw Error(ErrorKind::usage, "there are no images to save");
    std::vector<Place> images;
    for (const std::string& name : names) images.push_back(Place::parse(name));
    SaveOptions options;
    options.transfer = transfer_options(words->transfer);
    options.transfer.platform = words->platform.chosen();
    options.referrers = words->referrers;
    if (words->docker) options.format = oci::ArchiveFormat::docker;
    if (!words->volume_size.empty()) {
      options.volume_size = parse_size("--volume-size", words->volume_size);
      if (*options.volume_size < oci::MiB) {
        throw Error(ErrorKind::usage, "--volume-size: a volume has at least 1 MiB");
      }
    }
    if (!words->since.empty()) options.without = bundle_contents(session.call(), words->since);
    const auto saved = save_bundle(session.call(), session.places(), words->file, images, options);
    print_bundle(session, saved, words->file);
  });
}

void declare_load(Arguments& family) {
  auto words = std::make_shared<LoadWords>();
  Arguments command = family.command("load", "put a bundle's images into a registry");
  command.positional("FILE", words->file, "the bundle");
  command.positional("PREFIX", words->prefix, "HOST[:PORT][/PATH]; names follow it");
  words->transfer.declare(command);
  words->destination.declare(command);
  declare_common(command);
  command.run([words](Session& session) {
    TransferOptions options = transfer_options(words->transfer);
    options.use = words->destination.use();
    std::vector<Place> places;
    if (words->destination.create) {
      for (const Bundled& image : list_bundle(session.call(), words->file)) {
        const oci::Reference reference = oci::Reference::parse(image.name);
        places.push_back(Place::parse(words->prefix + "/" + reference.repository));
      }
    }
    words->destination.prepare(session, places);
    const std::vector<Landed> images =
        load_bundle(session.call(), session.places(), words->file, words->prefix, options);
    Output& out = session.output();
    out.table("images", {{"IMAGE", "reference"}, {"", "tags"}, {"", "size"}},
              Output::Headings::hidden);
    for (const Landed& image : images) out.row({image.str(), image.tags, image.root.size});
  });
}

void declare_list(Arguments& family) {
  auto file = std::make_shared<std::string>();
  Arguments list = family.command("list", "say what a bundle holds");
  list.positional("FILE", *file, "the bundle");
  declare_output(list);
  list.run([file](Session& session) {
    print_bundle(session, list_bundle(session.call(), *file), *file);
  });

  auto check = std::make_shared<VerifyWords>();
  Arguments verify = family.command("verify", "read everything against its digest");
  verify.positional("FILE", check->file, "the bundle");
  verify.flag("--delta", check->delta, "it was made with --since, and lacks what the other has");
  check->transfer.declare(verify);
  declare_output(verify);
  verify.run([check](Session& session) {
    const auto images = verify_bundle(session.call(), check->file,
                                      check->delta ? Completeness::delta : Completeness::whole,
                                      transfer_options(check->transfer));
    print_bundle(session, images, check->file);
  });
}

}  // namespace

void declare_bundle(Arguments family) {
  declare_save(family);
  declare_load(family);
  declare_list(family);
}

}  // namespace davit::app
