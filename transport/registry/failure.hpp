#pragma once

#include <string_view>

#include "oci/base/error.hpp"
#include "transport/http/message.hpp"

namespace davit::transport {

/// The first error of a registry's answer (distribution-spec, "Error Codes"); empty where it gave
/// none.
struct RegistryError {
  std::string code;     ///< "MANIFEST_UNKNOWN"
  std::string message;  ///< made printable
};
RegistryError registry_error(const Response& response);

/// The Error for an answer that is not the one hoped for: `what` says of which content. 401 and
/// 403 are denied; 404 not_found; 408, 425, 429 and 5xx unavailable; DIGEST_INVALID and
/// SIZE_INVALID corrupt; an immutable tag refused; all others failed.
oci::Error failure(const Response& response, std::string_view what);

}  // namespace davit::transport
