#pragma once

#include <string>
#include <string_view>

#include "transport/ecr/access.hpp"
#include "transport/ecr/host.hpp"
#include "transport/ecr/place.hpp"

namespace davit::app {

namespace ecr = transport::ecr;

/// A repository of ECR, and perhaps an image in it, as `davit ecr` takes it:
///   ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME[:TAG][@DIGEST], any of ECR's hosts
///   public.ecr.aws/ALIAS/NAME[:TAG][@DIGEST]
///   NAME[:TAG][@DIGEST]   in the account of the keys, in the configured region
/// Throws Error(usage): what is no such place, another registry, no region anywhere. `region` is an
/// option's; empty: that of the environment or of the profile.
ecr::Place parse_ecr_place(std::string_view text, const std::string& region, ecr::Access& access);

/// The registry that the words name where there is no repository: a host, or nothing.
ecr::Host parse_ecr_registry(std::string_view text, const std::string& region, ecr::Access& access);

}  // namespace davit::app
