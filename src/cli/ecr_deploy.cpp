#include <fcntl.h>
#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>

#include "oci/base/atomic_file.hpp"
#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"
#include "oci/base/file.hpp"
#include "oci/model/json.hpp"
#include "src/cli/ecr_command.hpp"

namespace davit::app {
namespace {

using oci::Error;
using oci::ErrorKind;
using oci::Json;

constexpr std::uint64_t file_limit = 1024 * 1024;

struct DeployWords {
  std::string image;
  std::string ecs;
  std::string container = "app";
  std::string beanstalk;
  std::size_t port = 0;
  std::string terraform;
  std::string variable = "image";
  bool github = false;
};

void write_json(const std::string& path, const Json& json) {
  oci::AtomicFile file(path);
  file.write(oci::bytes_of(oci::to_text(json, "  ") + "\n"));
  file.commit();
}

/// ECS and CodePipeline: which container runs which image.
void write_ecs(const DeployWords& words, const std::string& image) {
  write_json(words.ecs, Json::array({Json{{"name", words.container}, {"imageUri", image}}}));
}

void write_beanstalk(const DeployWords& words, const std::string& image) {
  Json json = {{"AWSEBDockerrunVersion", "1"},
               {"Image", Json{{"Name", image}, {"Update", "true"}}}};
  if (words.port != 0) json["Ports"] = Json::array({Json{{"ContainerPort", words.port}}});
  write_json(words.beanstalk, json);
}

/// Other variables of the file stay.
void write_terraform(const DeployWords& words, const std::string& image) {
  Json json = Json::object();
  if (std::filesystem::exists(words.terraform)) {
    json = oci::parse_json(oci::read_file(words.terraform, file_limit),
                           oci::printable(words.terraform));
    if (!json.is_object()) {
      throw Error(ErrorKind::corrupt, oci::printable(words.terraform) + " is no JSON object");
    }
  }
  json[words.variable] = image;
  write_json(words.terraform, json);
}

/// A step's outputs: lines that are appended.
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

void declare_ecr_deploy(Arguments& ecr) {
  auto words = std::make_shared<DeployWords>();
  Arguments command = ecr.command("deploy-files", "write what the next system reads, by digest");
  command.positional("IMAGE", words->image, "what was just pushed: a tag is resolved");
  command.option("--ecs", "FILE", words->ecs, "imagedefinitions.json of ECS and CodePipeline");
  command.option("--container", "NAME", words->container, "the container in it; by default app");
  command.option("--beanstalk", "FILE", words->beanstalk, "Dockerrun.aws.json");
  command.number("--port", "N", {0, 65'535}, words->port, "the port in it");
  command.option("--terraform", "FILE", words->terraform, "a variable file: *.auto.tfvars.json");
  command.option("--variable", "NAME", words->variable, "the variable in it; by default image");
  command.flag("--github", words->github, "outputs image and digest of a GitHub step");
  command.footer(
      "Example:\n"
      "  image=$(davit build ... -t $REPOSITORY:$COMMIT)\n"
      "  davit ecr deploy-files \"$image\" --ecs imagedefinitions.json --container web --github");
  declare_common(command);
  command.run([words](Session& session) {
    if (words->ecs.empty() && words->beanstalk.empty() && words->terraform.empty() &&
        !words->github) {
      throw Error(ErrorKind::usage, "there is nothing to write",
                  "give --ecs, --beanstalk, --terraform or --github");
    }
    const Place place = Place::parse(words->image);
    if (place.local()) throw Error(ErrorKind::usage, words->image + " is not in a registry");
    // It must be there: a file that names nothing would fail in the next system.
    oci::Store& store = session.places().open(place, Use::read);
    const std::string digest = oci::require(store, place.identifier()).digest.str();
    const std::string image = store.name() + "@" + digest;
    if (!words->ecs.empty()) write_ecs(*words, image);
    if (!words->beanstalk.empty()) write_beanstalk(*words, image);
    if (!words->terraform.empty()) write_terraform(*words, image);
    if (words->github) write_github(image, digest);
    session.output().line(image);
    session.output().member("image", image);
    session.output().member("digest", digest);
  });
}

}  // namespace davit::app
