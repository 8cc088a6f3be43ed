#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/oci/layer/tar_support.hpp"

namespace davit::tests {

using RandomLayer = std::vector<TarItem>;

/// A stack of layers as nobody would write it: few names, so that they meet; all kinds of entries,
/// links to links and out of the root, entries beneath links, whiteouts and opaque marks anywhere,
/// names that stand twice, directories that give way to something else, hard links across layers.
/// The same seed gives the same layers. One in twenty has an entry that is refused.
std::vector<RandomLayer> random_layers(std::uint32_t seed);

/// "f lib/a 0644 -> target" for each entry, for a person.
std::string describe(const std::vector<RandomLayer>& layers);

}  // namespace davit::tests
