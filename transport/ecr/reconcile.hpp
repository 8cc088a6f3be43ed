#pragma once

#include <functional>
#include <string>
#include <vector>

#include "transport/ecr/repositories.hpp"

namespace davit::transport::ecr {

/// One thing in which a repository is not what settings say, and how it becomes that.
struct Difference {
  std::string line;              ///< for a person: "mutability: MUTABLE -> IMMUTABLE"
  std::function<void()> change;  ///< none: AWS changes that for no repository
};

/// What differs. `repositories` outlives it.
std::vector<Difference> differences(Repositories& repositories, const RepositoryInfo& now,
                                    const RepositorySettings& settings);

/// Brings a repository to the state of the settings, and makes it if it is missing, or with
/// Change::no only says so, a line each. Error(refused), before anything is changed, where there is
/// a difference that AWS does not change.
std::vector<std::string> reconcile(Repositories& repositories, const std::string& name,
                                   const RepositorySettings& settings, Change change);

}  // namespace davit::transport::ecr
