#pragma once

#include <vector>

#include "src/ops/places.hpp"
#include "transport/ecr/access.hpp"
#include "transport/ecr/repositories.hpp"

namespace davit::app {

/// Makes the repositories of these places that are in Amazon ECR and missing. A rehearsal only
/// says which these are.
void create_repositories(transport::ecr::Access& access, const std::vector<Place>& places,
                         const transport::ecr::RepositorySettings& settings, Use use);

}  // namespace davit::app
