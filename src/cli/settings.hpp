#pragma once

#include <string>

#include "src/cli/progress.hpp"
#include "transport/registry/client.hpp"

namespace davit::app {

/// What a session begins with: what the groups of options say that a command has declared.
struct Settings {
  bool connects = false;  ///< the command speaks to registries, in the way that `client` says
  transport::ClientOptions client;
  std::string aws_profile;

  bool json = false;
  bool quiet = false;
  int verbose = 0;
  ProgressStyle progress = ProgressStyle::none;
  bool rehearses = false;  ///< nothing moves: what would be done is said in words
};

}  // namespace davit::app
