#pragma once

#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "oci/store/store.hpp"
#include "src/ops/place.hpp"
#include "transport/ecr/access.hpp"
#include "transport/registry/client.hpp"

namespace davit::app {

/// What a place is opened for. A destination is made if it is missing; a dry run only says what it
/// would store.
enum class Use { read, write, rehearse };

/// Opens places as stores, each once.
class Places {
 public:
  /// `ecr`, if not null, outlives it: repositories of Amazon ECR are asked by its API, too.
  Places(transport::ClientOptions options, std::unique_ptr<transport::CredentialSource> credentials,
         transport::ecr::Access* ecr = nullptr)
      : client_(std::move(options), std::move(credentials)), ecr_(ecr) {}

  oci::Store& open(const oci::Call& call, const Place& place, Use use);
  /// Makes visible what was written. A store that is one file shows nothing of it before.
  void commit(const oci::Call& call);

  transport::Client& client() { return client_; }

 private:
  transport::Client client_;
  transport::ecr::Access* const ecr_;
  std::map<std::pair<Use, std::string>, std::unique_ptr<oci::Store>> stores_;
};

/// An image where a command has put it: what scripts are told.
struct Landed {
  std::string store;  ///< "registry.example/team/app"
  std::vector<std::string> tags;
  oci::Descriptor root;

  /// "registry.example/team/app@sha256:…"
  std::string str() const { return store + "@" + root.digest.str(); }
};

/// Places that are one store, with the tags an image gets in it.
struct Target {
  Place place;
  std::vector<std::string> tags;
};
/// In the order given, but local ones first: what a build writes into the first one is read back
/// for the others, without a network between where it can be so.
std::vector<Target> group_targets(const std::vector<Place>& places);

}  // namespace davit::app
