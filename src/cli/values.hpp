#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/layer/tree.hpp"

namespace davit::app {

// What the values of options mean. Each throws Error(usage) that names the option.

/// "KEY=VALUE" items as a map; the later of two wins.
std::map<std::string, std::string> parse_assignments(std::string_view option,
                                                     const std::vector<std::string>& items);

/// The place of a value in a list of choices.
std::size_t parse_choice(std::string_view option, std::string_view value,
                         const std::vector<std::string_view>& choices);

/// oci::parse_size, its errors naming the option.
std::uint64_t parse_size(std::string_view option, std::string_view value);

/// A JSON array of strings, or words split as a shell would: blanks separate, quotes and
/// backslashes keep together. Nothing is expanded.
std::vector<std::string> parse_words(std::string_view option, const std::string& value);

/// Docker's healthcheck: "none", a JSON array run as it is, or a line for the shell.
std::vector<std::string> parse_healthcheck(const std::string& value);

/// "80", "80/tcp", "53/udp"; the protocol is tcp by default.
std::string parse_port(std::string_view option, const std::string& value);

/// "UID:GID", both numbers.
oci::Owner parse_owner(std::string_view option, const std::string& value);

/// Seconds since 1970 as an RFC 3339 time in UTC.
std::string rfc3339(std::int64_t seconds);

/// SOURCE_DATE_EPOCH of the environment (reproducible-builds.org), if it is set.
std::optional<std::int64_t> source_date_epoch();

/// What --created says: RFC 3339, "now" or "epoch". Where it says nothing, SOURCE_DATE_EPOCH, and
/// without that the epoch: an image built twice is the same image.
std::string parse_created(const std::string& value, std::optional<std::int64_t> source_date);

}  // namespace davit::app
