#pragma once

#include <vector>

#include "src/ops/places.hpp"
#include "transport/ecr/access.hpp"
#include "transport/ecr/repositories.hpp"

namespace davit::app {

/// Makes the repositories of these places that are in Amazon ECR and missing, and sets the policies
/// that one which is there has none of: an earlier run may have come no further. A rehearsal only
/// says what would be done.
void create_repositories(const oci::Call& call, transport::ecr::Access& access,
                         const std::vector<Place>& places,
                         const transport::ecr::RepositorySettings& settings, Use use);

}  // namespace davit::app
