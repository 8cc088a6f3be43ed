#pragma once

#include <memory>
#include <string>

#include "oci/store/store.hpp"
#include "transport/ecr/access.hpp"
#include "transport/ecr/host.hpp"

namespace davit::transport::ecr {

/// A repository of ECR that asks for a hundred blobs in one call of the API
/// (BatchCheckLayerAvailability) where its registry wants a request for each. Where the call is
/// denied or fails, each is asked for by itself. `access` outlives it.
std::unique_ptr<oci::Store> make_store(std::unique_ptr<oci::Store> registry, Access& access,
                                       Host host, std::string repository);

}  // namespace davit::transport::ecr
