#pragma once

#include <filesystem>
#include <memory>

#include "oci/store/layout_store.hpp"

namespace davit::oci {

/// An archive opened for reading, see open_archive.
std::unique_ptr<LayoutFiles> read_archive(const Call& call, const std::filesystem::path& file);

}  // namespace davit::oci
