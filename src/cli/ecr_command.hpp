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

  void declare_region(Arguments& command) {
    command.option("--region", "REGION", region,
                   "where the registry is; by default its host's, else the configured one");
  }
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

/// Docker's credential helper protocol, as the program named docker-credential-davit speaks it:
/// `action` is get, store, erase, list or version. Returns the exit status.
int run_credential_helper(const std::string& action);

}  // namespace davit::app
