#include "transport/registry/failure.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "oci/model/json.hpp"
#include "transport/auth/credentials.hpp"
#include "transport/auth/registry_key.hpp"
#include "transport/ecr/host.hpp"

namespace davit::transport {
namespace {

using oci::ErrorKind;

constexpr std::size_t message_limit = 300;

ErrorKind kind_of(int status, const RegistryError& error) {
  if (error.code == "DIGEST_INVALID" || error.code == "SIZE_INVALID") return ErrorKind::corrupt;
  // ECR: TAG_INVALID, "... because the tag is immutable."; others use DENIED or 409 with the word.
  if (error.message.find("immutable") != std::string::npos && status != 401) {
    return ErrorKind::refused;
  }
  if (status == 401 || status == 403) return ErrorKind::denied;
  if (status == 404) return ErrorKind::not_found;
  if (status == 408 || status == 425 || status == 429 || status >= 500) {
    return ErrorKind::unavailable;
  }
  return ErrorKind::failed;
}

std::string hint_for(int status, ErrorKind kind, const RegistryError& error) {
  if (kind == ErrorKind::refused) return "choose another tag, or push by digest";
  if (status == 403) return "the credentials in use do not allow it";
  if (error.code == "NAME_UNKNOWN") return "the repository does not exist";
  // What ECR makes of any manifest that it does not like ("Invalid JSON syntax" for one).
  if (status == 405 && error.message.find("ImageManifest") != std::string::npos) {
    return "ECR refuses manifests with unknown or parametrized media types, or too many layers";
  }
  if (status == 413) return "a proxy before the registry limits the size of a request";
  if (status == 429) return "the registry limits the rate of requests: try again later";
  return {};
}

/// What an answer means.
oci::Error judged(const Response& response, std::string_view what) {
  const RegistryError error = registry_error(response);
  const ErrorKind kind = kind_of(response.status, error);
  std::string message =
      fmt::format("{}: {} answered {}", what, response.url.origin.host, response.status);
  if (!error.code.empty() || !error.message.empty()) {
    message += fmt::format(" {}{}{}", error.code, error.code.empty() ? "" : ": ", error.message);
  } else if (response.headers.get("Content-Type").value_or("").starts_with("text/html")) {
    message += " with a web page, as what is not a registry does";
  }
  const Origin& origin = response.url.origin;
  if (response.status == 401) {
    // The name that credentials stand under: with its port, and docker.io by its own.
    return oci::Error(kind, message, oci::Advice::log_in, canonical_key(origin.str()));
  }
  if (error.code == "NAME_UNKNOWN" && ecr::parse_host(origin.host)) {
    return oci::Error(kind, message, oci::Advice::create_repository);
  }
  return oci::Error(kind, message, hint_for(response.status, kind, error));
}

}  // namespace

RegistryError registry_error(const Response& response) {
  RegistryError first;
  try {
    const oci::Json json = oci::parse_json(response.body, "the registry's answer");
    const oci::Json& errors = oci::array_member(json, "errors", "the registry's answer");
    if (errors.empty() || !errors[0].is_object()) return first;
    first.code = oci::string_member(errors[0], "code", "the registry's answer");
    first.message = oci::string_member(errors[0], "message", "the registry's answer");
  } catch (const oci::Error&) {
    // An error body is free text as often as not; the status says enough.
    return {};
  }
  first.code = oci::printable(first.code.substr(0, 80));
  first.message = oci::printable(first.message.substr(0, message_limit));
  return first;
}

oci::Error failure(const Response& response, std::string_view what) {
  const oci::Error error = judged(response, what);
  return response.tries > 0 ? error.after_tries(response.tries) : error;
}

}  // namespace davit::transport
