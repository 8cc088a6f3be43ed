#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace davit::tests {

/// Words in no order: compresses about as well as a file system does. The same for the same seed.
std::string words(std::size_t size, std::uint64_t seed = 1);
/// Bytes that do not compress.
std::string noise(std::size_t size, std::uint64_t seed = 1);

}  // namespace davit::tests
