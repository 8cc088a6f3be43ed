#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "oci/model/reference.hpp"
#include "transport/aws/ecr_access.hpp"
#include "transport/aws/ecr_host.hpp"

namespace davit::app {

/// A repository of ECR, and perhaps an image in it, as `davit ecr` takes it:
///   ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME[:TAG][@DIGEST], any of ECR's hosts
///   public.ecr.aws/ALIAS/NAME[:TAG][@DIGEST]
///   NAME[:TAG][@DIGEST]   in the account of the keys, in the configured region
struct EcrPlace {
  transport::aws::EcrHost host;
  std::string name;
  std::optional<std::string> tag;
  std::optional<oci::Digest> digest;

  /// Throws Error(usage): what is no such place, another registry, no region anywhere. `region`
  /// is an option's; empty: that of the environment or of the profile.
  static EcrPlace parse(std::string_view text, const std::string& region,
                        transport::aws::EcrAccess& access);
};

/// The registry that the words name where there is no repository: a host, or nothing.
transport::aws::EcrHost parse_ecr_registry(std::string_view text, const std::string& region,
                                           transport::aws::EcrAccess& access);

}  // namespace davit::app
