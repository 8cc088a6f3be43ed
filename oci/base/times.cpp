#include "oci/base/times.hpp"

#include <algorithm>

namespace davit::oci {
namespace {

// The system's clock counts nanoseconds in 64 bits, up to the year 2262.
constexpr std::uint64_t latest_seconds = 9'000'000'000;

}  // namespace

std::chrono::system_clock::time_point time_of(std::uint64_t seconds) {
  return std::chrono::system_clock::time_point(
      std::chrono::seconds(std::min(seconds, latest_seconds)));
}

std::chrono::system_clock::time_point time_of_milliseconds(std::uint64_t milliseconds) {
  return std::chrono::system_clock::time_point(
      std::chrono::milliseconds(std::min(milliseconds, latest_seconds * 1000)));
}

}  // namespace davit::oci
