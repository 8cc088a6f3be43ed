#pragma once

#include <string>
#include <utility>
#include <vector>

#include "transport/ecr/repositories.hpp"

namespace davit::app {

/// What a person says of encryption: "AES256", "KMS", "KMS:KEY", "KMS_DSSE:KEY". Error(usage).
void set_encryption(transport::ecr::RepositorySettings& settings, const std::string& text);

/// The YAML of --ecr-settings: `mutability`, `exclude` (a list), `scan_on_push`, `encryption`,
/// `kms_key`, `tags` (a map), `lifecycle` and `policy` (as AWS's JSON, or the path of a file with
/// it, relative to this one). "-" is standard input. Error(usage) naming what is not known.
transport::ecr::RepositorySettings parse_settings(const std::string& file);

/// The repositories that a file declares: `registry` (a host; else the configured region's),
/// `defaults` (settings), and `repositories`, each a `name` and settings.
struct Declaration {
  std::string registry;
  std::vector<std::pair<std::string, transport::ecr::RepositorySettings>> repositories;
};
Declaration parse_declaration(const std::string& file);

}  // namespace davit::app
