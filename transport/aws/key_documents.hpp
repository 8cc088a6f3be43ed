#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "transport/aws/keys.hpp"

namespace davit::transport::aws {

/// "2030-01-01T00:00:00Z", with or without fractions, or with an offset. Nothing for other text.
std::optional<std::chrono::system_clock::time_point> parse_time(std::string_view text);

/// The JSON by which credential_process, containers and instances give keys (AccessKeyId,
/// SecretAccessKey, Token or SessionToken, Expiration). Throws Error(denied) naming `what`; no
/// message repeats the document.
TimedKeys parse_keys(std::string_view json, std::string_view what);

/// The same in the XML of STS: the elements of <Credentials>.
TimedKeys parse_sts_keys(std::string_view xml, std::string_view what);

/// The text of the first element of that name; empty if there is none.
std::string xml_text(std::string_view xml, std::string_view element);

}  // namespace davit::transport::aws
