#pragma once

// For sources only.

#include <map>
#include <string>
#include <string_view>

#include "oci/model/json.hpp"
#include "transport/ecr/repository_info.hpp"
#include "transport/ecr/repository_settings.hpp"

namespace davit::transport::ecr {

/// What DescribeRepositories says of one.
RepositoryInfo parse_repository(const oci::Json& json, std::string_view what);
/// The members by which CreateRepository and PutImageTagMutability take the mutability of tags.
oci::Json mutability_input(const RepositorySettings& settings);
oci::Json tag_list(const std::map<std::string, std::string>& tags);

}  // namespace davit::transport::ecr
