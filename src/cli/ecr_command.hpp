#pragma once

#include <memory>
#include <string>

#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"
#include "src/cli/arguments.hpp"
#include "src/cli/options.hpp"
#include "src/cli/session.hpp"
#include "src/ops/ecr_place.hpp"

namespace davit::app {

/// What the commands of `davit ecr` have in common.
struct EcrWords {
  std::string region;
  std::string place;

  ecr::Place parse_place(Session& session) const {
    return parse_ecr_place(place, region, session.ecr());
  }
  /// Only of a repository: Error(usage) where the words name an image in it.
  ecr::Place parse_repository(Session& session) const {
    ecr::Place repository = parse_place(session);
    if (repository.tag || repository.digest) {
      throw oci::Error(oci::ErrorKind::usage,
                       oci::printable(place) + " names an image, and a repository is wanted");
    }
    return repository;
  }
};

/// A command below `davit ecr` with the options of all of them. `declare` adds its own.
template <class Words>
Arguments declare_ecr_command(Arguments& ecr, const std::string& name, const std::string& help,
                              const std::shared_ptr<Words>& words) {
  Arguments command = ecr.command(name, help);
  command.option("--region", "REGION", words->region,
                 "where the registry is; by default its host's, else the configured one");
  return command;
}

// Each declares some commands of the family.
void declare_ecr_login(Arguments& ecr);
void declare_ecr_repositories(Arguments& ecr);
void declare_ecr_images(Arguments& ecr);
void declare_ecr_policies(Arguments& ecr);
void declare_ecr_scan(Arguments& ecr);
void declare_ecr_deploy(Arguments& ecr);

/// Docker's credential helper protocol, as the program named docker-credential-davit speaks it:
/// `action` is get, store, erase, list or version. Returns the exit status.
int run_credential_helper(const std::string& action);

}  // namespace davit::app
