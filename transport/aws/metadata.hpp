#pragma once

#include <memory>

#include "transport/aws/keys.hpp"

namespace davit::transport::aws {

/// The endpoint that ECS and EKS Pod Identity give to a container
/// ($AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI, with its authorization). Null if there
/// is none. Throws Error(denied) for a URI that leads elsewhere than it may.
std::unique_ptr<KeySource> make_container(const World& world);

/// The instance metadata service of EC2 (IMDSv2, and version 1 where that is all there is).
/// Null if $AWS_EC2_METADATA_DISABLED is true.
std::unique_ptr<KeySource> make_instance(const World& world);

}  // namespace davit::transport::aws
