#pragma once

#include <string>
#include <string_view>

namespace davit::transport::aws {

/// How the names of AWS endpoints end in the partition of a region ("cn-north-1").
struct Partition {
  std::string_view suffix;      ///< "amazonaws.com"
  std::string_view dual_stack;  ///< "api.aws"
};
const Partition& partition_of(std::string_view region);

}  // namespace davit::transport::aws
