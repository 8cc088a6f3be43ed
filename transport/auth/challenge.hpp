#pragma once

#include <map>
#include <string>
#include <vector>

#include "transport/http/message.hpp"

namespace davit::transport {

/// One way a server offers to be convinced (RFC 9110, section 11.6.1).
struct Challenge {
  std::string scheme;                             ///< lower case: "basic", "bearer"
  std::map<std::string, std::string> parameters;  ///< names in lower case, values unquoted

  /// A parameter's value; empty if there is none.
  std::string parameter(const std::string& name) const;
};

/// The challenges of all WWW-Authenticate fields, in order. Total: what is not valid is left out
/// and the rest still read; nothing is thrown. Of more than 16 fields, challenges or parameters,
/// and of fields beyond 8 KiB, the excess is ignored. Parameters with control characters are left
/// out; of a parameter that stands twice, the first counts.
std::vector<Challenge> parse_challenges(const Headers& headers);

}  // namespace davit::transport
