#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "oci/base/atomic_file.hpp"
#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"
#include "oci/base/file.hpp"
#include "src/cli/ecr_command.hpp"
#include "src/cli/terminal.hpp"
#include "src/ops/deploy.hpp"
#include "transport/ecr/repositories.hpp"

namespace davit::app {
namespace {

using oci::Error;
using oci::ErrorKind;

constexpr std::uint64_t file_limit = 1024 * 1024;

struct DeployWords : EcrWords {
  std::string ecs;
  std::string container = "app";
  std::string beanstalk;
  std::size_t port = 0;
  std::string terraform;
  std::string variable = "image";
  bool github = false;
};

/// Brings a file up to date: `text` makes the new one of the old one, if there is one. "-" is
/// standard output.
template <class Text>
void update(const std::string& path, const Text& text) {
  if (path.empty()) return;
  if (path == "-") return write_stdout(text("", "standard output"));
  const std::string name = oci::printable(path);
  std::string before;
  // What is no regular file is only written to: nobody can tell what a pipe was.
  if (std::filesystem::is_regular_file(path)) before = oci::read_file(path, file_limit);
  const std::string after = text(before, name);
  oci::AtomicFile file(path);
  file.write(oci::bytes_of(after));
  file.commit();
}

/// The image in its registry. A bare name is a repository of ECR, as in all commands of the family.
Place find_place(Session& session, const DeployWords& words) {
  const std::string_view first = std::string_view(words.place).substr(0, words.place.find('/'));
  const bool names_host =
      first.size() < words.place.size() &&
      (first.find_first_of(".:") != std::string_view::npos || first == "localhost");
  const Place place = Place::parse(words.place);
  if (place.local()) {
    throw Error(ErrorKind::usage, oci::printable(words.place) + " is not in a registry");
  }
  if (names_host) return place;
  const ecr::Place bare = words.parse_place(session);
  const auto uri = ecr::Repositories(session.call(), session.ecr(), bare.host).get(bare.name).uri;
  return Place::parse(fmt::format("{}{}{}", uri, bare.tag ? ":" + *bare.tag : "",
                                  bare.digest ? "@" + bare.digest->str() : ""));
}

/// Appends the outputs of a step to the file that GitHub names.
void write_github(const std::string& image, const std::string& digest) {
  const char* path = std::getenv("GITHUB_OUTPUT");
  if (path == nullptr || *path == '\0') {
    throw Error(ErrorKind::usage, "--github: GITHUB_OUTPUT is not set",
                "GitHub sets it for the steps of a job");
  }
  const oci::Fd file = oci::open_file(path, O_WRONLY | O_APPEND | O_CREAT);
  oci::write_all(file.get(), oci::bytes_of(fmt::format("image={}\ndigest={}\n", image, digest)),
                 path);
}

}  // namespace

void declare_ecr_deploy(Arguments command) {
  auto words = std::make_shared<DeployWords>();
  words->declare_region(command);
  command.positional("IMAGE", words->place, "what was just pushed: a tag is resolved");
  command.option("--ecs", "FILE", words->ecs, "imagedefinitions.json of ECS and CodePipeline");
  command.option("--container", "NAME", words->container, "the container in it; by default app");
  command.option("--beanstalk", "FILE", words->beanstalk, "Dockerrun.aws.json");
  command.number("--port", "N", {0, 65'535}, words->port, "the port in it");
  command.option("--terraform", "FILE", words->terraform, "a variable file: *.auto.tfvars.json");
  command.option("--variable", "NAME", words->variable, "the variable in it; by default image");
  command.flag("--github", words->github, "outputs image and digest of a GitHub step");
  command.footer(
      "What else stands in a file stays; - is standard output.\n"
      "Example:\n"
      "  image=$(davit build ... -t $REPOSITORY:$COMMIT)\n"
      "  davit ecr deploy-files \"$image\" --ecs imagedefinitions.json --container web --github");
  declare_common(command);
  command.run([words](Session& session) {
    const std::vector<std::string> files = {words->ecs, words->beanstalk, words->terraform};
    if (std::count(files.begin(), files.end(), "") == 3 && !words->github) {
      throw Error(ErrorKind::usage, "there is nothing to write",
                  "give --ecs, --beanstalk, --terraform or --github");
    }
    const auto to_stdout = std::count(files.begin(), files.end(), "-");
    if (to_stdout > 1 || (to_stdout == 1 && session.output().form() == Output::Form::json)) {
      throw Error(ErrorKind::usage, "standard output takes one document");
    }
    const Place place = find_place(session, *words);
    // The image must exist, since a file that names a missing one would fail in the next system.
    oci::Store& store = session.places().open(session.call(), place, Use::read);
    const std::string digest = oci::require(session.call(), store, place.identifier()).digest.str();
    const std::string image = store.name() + "@" + digest;
    update(words->ecs, [&](const std::string& before, const std::string& what) {
      return ecs_definitions(before, what, words->container, image);
    });
    update(words->beanstalk, [&](const std::string& before, const std::string& what) {
      return beanstalk_run(before, what, image, words->port);
    });
    update(words->terraform, [&](const std::string& before, const std::string& what) {
      return terraform_variables(before, what, words->variable, image);
    });
    if (words->github) write_github(image, digest);
    if (to_stdout == 0) session.output().line(image);
    session.output().member("image", image);
    session.output().member("digest", digest);
  });
}

}  // namespace davit::app
