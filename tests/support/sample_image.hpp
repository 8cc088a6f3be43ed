#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "oci/model/descriptor.hpp"
#include "tests/support/registry.hpp"

namespace davit::tests {

/// What a test wants an image to be like. Equal samples are equal to the byte.
struct Sample {
  std::size_t layers = 2;
  std::size_t layer_bytes = 10'000;  ///< of the one file in each layer
  std::uint32_t seed = 1;            ///< of the files' contents
  std::string os = "linux";
  std::string architecture = "amd64";
  std::string user = {};
};

struct SampleImage {
  oci::Descriptor manifest;
  oci::Descriptor config;
  std::vector<oci::Descriptor> layers;
};

/// The same random bytes for the same seed.
std::string random_bytes(std::size_t size, std::uint32_t seed);
/// A tar of one regular file.
std::string tar_of(const std::string& name, const std::string& content);

/// A valid image of uncompressed layers (so each diff_id is its layer's digest) in a registry.
SampleImage make_image(Registry& registry, const std::string& repository, const std::string& tag,
                       const Sample& sample = {});
/// An index of such images.
oci::Descriptor make_index(Registry& registry, const std::string& repository,
                           const std::string& tag, const std::vector<Sample>& samples);

}  // namespace davit::tests
