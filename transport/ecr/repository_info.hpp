#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace davit::transport::ecr {

/// What a repository is like.
struct RepositoryInfo {
  std::string name;
  std::string uri;
  std::string arn;
  std::int64_t created = 0;  ///< seconds since 1970
  std::string mutability;
  std::vector<std::string> exclusions;
  bool scan_on_push = false;
  std::string encryption;
  std::string kms_key;
};

}  // namespace davit::transport::ecr
