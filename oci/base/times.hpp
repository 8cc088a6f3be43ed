#pragma once

#include <chrono>
#include <cstdint>

namespace davit::oci {

/// A time that a file or a server gives in seconds since 1970. What no clock can tell comes down to
/// the year 2255, so that a little can still be added.
std::chrono::system_clock::time_point time_of(std::uint64_t seconds);
/// The same for milliseconds.
std::chrono::system_clock::time_point time_of_milliseconds(std::uint64_t milliseconds);

}  // namespace davit::oci
