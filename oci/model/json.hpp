#pragma once

// For sources only: this is the one header that brings nlohmann/json in.

#include <nlohmann/json.hpp>

#include <span>
#include <string>
#include <string_view>

namespace davit::oci {

using Json = nlohmann::json;

/// Parses JSON from outside. Beyond what nlohmann/json refuses, these are errors: more than
/// document_limit bytes, nesting deeper than 64, a key twice in one object, a byte order mark, a
/// NUL byte, and more than 200,000 values (4 MiB of "{}," would take 150 MB). Throws
/// Error(corrupt) naming `what`.
Json parse_json(std::string_view text, std::string_view what);

/// Error(corrupt) if a member's name differs from one of `names` only in case. Go's decoder takes
/// both for the same member, the last one wins: Docker would read another document than this
/// program does (the idea of CVE-2021-41190).
void refuse_lookalikes(const Json& object, std::span<const std::string_view> names,
                       std::string_view what);

/// A document of ours as compact JSON. Error(usage) naming the member if a text, such as a label
/// from the command line, is not UTF-8.
std::string to_text(const Json& json);
std::string to_text(const nlohmann::ordered_json& json);

/// Members of an object that must be of their type where present; Error(corrupt) naming `what`
/// and the key. null counts as absent.
std::string string_member(const Json& object, const char* key, std::string_view what);
std::uint64_t size_member(const Json& object, const char* key, std::string_view what);
/// An array, or an empty one if absent.
const Json& array_member(const Json& object, const char* key, std::string_view what);
/// An object, or an empty one if absent.
const Json& object_member(const Json& object, const char* key, std::string_view what);

}  // namespace davit::oci
