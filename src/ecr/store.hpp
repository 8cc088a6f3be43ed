#pragma once

#include <memory>
#include <string>

#include "oci/store/store.hpp"
#include "transport/aws/ecr_access.hpp"
#include "transport/aws/ecr_host.hpp"

namespace davit::app {

/// A repository of ECR that asks for a hundred blobs in one call of the API
/// (BatchCheckLayerAvailability) where its registry wants a request for each. Where the call is
/// denied or fails, each is asked for by itself. `access` outlives it.
std::unique_ptr<oci::Store> make_ecr_store(std::unique_ptr<oci::Store> registry,
                                           transport::aws::EcrAccess& access,
                                           transport::aws::EcrHost host, std::string repository);

}  // namespace davit::app
