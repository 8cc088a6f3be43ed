#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace davit::oci {

/// The text without spaces, tabs and line ends on both sides.
std::string_view trim(std::string_view text);

/// ASCII letters made small, as names of hosts and headers compare; everything else stays.
std::string lower_case(std::string_view text);

/// The parts that lie between any of the characters of `separators`; empty parts are left out.
std::vector<std::string> split(std::string_view text, std::string_view separators);

std::string join(std::span<const std::string> parts, std::string_view separator);

/// The names in a file that a person keeps: one a line, trimmed. "#" begins a comment, and empty
/// lines say nothing.
std::vector<std::string> listed_names(std::string_view text);

bool is_one_of(std::span<const std::string_view> all, std::string_view text);

/// A number in decimal digits and nothing else, no sign and no blank: nothing if there is anything
/// else, or if it is above `greatest`.
std::optional<std::uint64_t> parse_number(
    std::string_view text, std::uint64_t greatest = std::numeric_limits<std::uint64_t>::max());

/// The number that a text begins with, whose digits are taken away from it; nothing if it begins
/// with none, or with one that is too large.
std::optional<std::uint64_t> take_number(std::string_view& text);

/// A variable of the environment. One that is set to nothing counts as not set.
std::optional<std::string> environment(const char* name);

}  // namespace davit::oci
