#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "oci/image/layer_reader.hpp"
#include "oci/layer/unpack.hpp"

namespace davit::oci {

struct UnpackImageOptions {
  std::uint64_t max_size = 0;  ///< bytes of files; 0: the default of UnpackOptions
  LayerReading reading;
};

struct Unpacked {
  std::string image;  ///< "registry.example/app@sha256:..."
  std::map<std::string, Shortfall> shortfalls;
};

/// An image's files in a directory, straight from where the image is. The directory appears whole:
/// it is made beside its place, under ".NAME.davit-partial", and renamed; what an earlier run left
/// there is removed first. So it must not exist before, or be empty. Where it is a mount point or
/// the current directory, files are made in it directly, and removed again after a failure.
Unpacked unpack_image(const Call& call, const ImageLayers& image,
                      const std::filesystem::path& directory, const UnpackImageOptions& options);

}  // namespace davit::oci
