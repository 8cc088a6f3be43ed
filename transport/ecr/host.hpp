#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace davit::transport::ecr {

/// What the name of an Amazon ECR registry says.
struct Host {
  std::string account;  ///< twelve digits; empty for ECR Public
  std::string region;   ///< "eu-central-1"; of ECR Public the one that issues its tokens
  bool fips = false;
  bool dual_stack = false;
  bool is_public = false;

  friend bool operator==(const Host&, const Host&) = default;
};

/// ACCOUNT.dkr.ecr[-fips].REGION.SUFFIX and ACCOUNT.dkr-ecr[-fips].REGION.on.SUFFIX in all AWS
/// partitions, public.ecr.aws and ecr-public.aws.com, in any case and perhaps with a port. Nothing
/// for any other host.
std::optional<Host> parse_host(std::string_view host);

}  // namespace davit::transport::ecr
