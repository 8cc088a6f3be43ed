#pragma once

#include "transport/aws/config.hpp"
#include "transport/aws/service.hpp"
#include "transport/ecr/host.hpp"

namespace davit::transport::ecr {

/// Where the API of a registry is: by its region, its flavour (FIPS, dual-stack) or what the
/// configuration asks for ($AWS_USE_FIPS_ENDPOINT, $AWS_USE_DUALSTACK_ENDPOINT), and another
/// endpoint where that is configured. Throws Error(usage) for one together with FIPS or dual-stack,
/// which no SDK takes.
aws::ServiceEndpoint api_endpoint(const Host& host, const aws::Config& config);

}  // namespace davit::transport::ecr
