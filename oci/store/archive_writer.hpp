#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "oci/store/layout_store.hpp"

namespace davit::oci {

/// Whether an archive holds an image layout alone, or also what Docker and podman load it by.
enum class ArchiveFormat { oci, docker };

/// An archive opened for writing, see open_archive.
std::unique_ptr<LayoutFiles> write_archive(const std::filesystem::path& file,
                                           ArchiveFormat format = ArchiveFormat::oci,
                                           std::optional<std::uint64_t> volume_size = {});

}  // namespace davit::oci
