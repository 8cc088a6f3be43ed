#pragma once

#include "transport/aws/config.hpp"
#include "transport/aws/ecr_host.hpp"
#include "transport/aws/service.hpp"

namespace davit::transport::aws {

/// Where the API of a registry is: by its region, its flavour (FIPS, dual-stack) or what the
/// configuration asks for ($AWS_USE_FIPS_ENDPOINT, $AWS_USE_DUALSTACK_ENDPOINT), and another
/// endpoint where that is configured. Throws Error(usage) for one together with FIPS or dual-stack,
/// which no SDK takes.
ServiceEndpoint ecr_endpoint(const EcrHost& host, const Config& config);

}  // namespace davit::transport::aws
