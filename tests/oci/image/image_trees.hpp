#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "oci/image/layer_reader.hpp"
#include "oci/store/store.hpp"
#include "tests/oci/image/random_layers.hpp"

namespace davit::tests {

/// An image of these layers in a store.
oci::ImageLayers image_of(oci::Store& store, const std::vector<RandomLayer>& layers);

/// A line for each name, in order: path, kind, mode, owner, time, content, and the first of the
/// names that have the same content. The time of the root is left out where `root` says so.
enum class RootTime { told, untold };
std::vector<std::string> tree_of_directory(const std::filesystem::path& directory, RootTime root);
std::vector<std::string> tree_of_files(const oci::ImageLayers& image);

/// What is wrong with one seed's layers, or nothing: whether unpacking them, extracting their
/// export with tar, listing them and printing their files give the same. `place` is an empty
/// directory.
std::string disagreement(std::uint32_t seed, const std::filesystem::path& place);

}  // namespace davit::tests
