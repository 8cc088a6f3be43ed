#include "transport/ecr/endpoint.hpp"

#include <fmt/format.h>

#include "oci/base/error.hpp"
#include "transport/aws/partition.hpp"

namespace davit::transport::ecr {

aws::ServiceEndpoint api_endpoint(const Host& host, const aws::Config& config) {
  const std::string service = host.is_public ? "ecr-public" : "ecr";
  aws::ServiceEndpoint endpoint;
  endpoint.scope = {host.region, service};
  endpoint.target =
      host.is_public ? "SpencerFrontendService" : "AmazonEC2ContainerRegistry_V20150921";
  const bool fips = config.is_true("AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint") || host.fips;
  const bool dual_stack =
      config.is_true("AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint") || host.dual_stack;
  if (const auto url = config.endpoint(service)) {
    if (config.is_true("AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint") ||
        config.is_true("AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint")) {
      throw oci::Error(oci::ErrorKind::usage,
                       "an AWS endpoint of one's own excludes FIPS and dual-stack endpoints");
    }
    endpoint.url = Url::parse(*url);
    return endpoint;
  }
  const aws::Partition& partition = aws::partition_of(host.region);
  const std::string name = service + (fips ? "-fips" : "");
  endpoint.url = Url::parse(
      dual_stack ? fmt::format("https://{}.{}.{}/", name, host.region, partition.dual_stack)
                 : fmt::format("https://api.{}.{}.{}/", name, host.region, partition.suffix));
  return endpoint;
}

}  // namespace davit::transport::ecr
