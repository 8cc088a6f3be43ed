#pragma once

#include <optional>
#include <string>

#include "oci/model/digest.hpp"
#include "transport/ecr/host.hpp"

namespace davit::transport::ecr {

/// A repository of ECR, and perhaps an image in it.
struct Place {
  Host host;
  std::string name;
  std::optional<std::string> tag;
  std::optional<oci::Digest> digest;
};

}  // namespace davit::transport::ecr
