#include "transport/aws/partition.hpp"

#include <array>
#include <utility>

namespace davit::transport::aws {

const Partition& partition_of(std::string_view region) {
  static constexpr std::array<std::pair<std::string_view, Partition>, 6> others = {{
      {"cn-", {"amazonaws.com.cn", "api.amazonwebservices.com.cn"}},
      {"eusc-", {"amazonaws.eu", "api.amazonwebservices.eu"}},
      {"us-iso-", {"c2s.ic.gov", "api.aws.ic.gov"}},
      {"us-isob-", {"sc2s.sgov.gov", "api.aws.scloud"}},
      {"eu-isoe-", {"cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"}},
      {"us-isof-", {"csp.hci.ic.gov", "api.aws.hci.ic.gov"}},
  }};
  for (const auto& [prefix, partition] : others) {
    if (region.starts_with(prefix)) return partition;
  }
  static constexpr Partition aws{"amazonaws.com", "api.aws"};  // and aws-us-gov
  return aws;
}

}  // namespace davit::transport::aws
