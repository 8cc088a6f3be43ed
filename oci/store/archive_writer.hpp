#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "oci/store/layout_store.hpp"

namespace davit::oci {

/// Whether an archive holds an image layout alone, or also what Docker and podman load it by.
enum class ArchiveFormat { oci, docker };

/// An archive opened for writing, see open_archive.
std::unique_ptr<LayoutFiles> write_archive(const std::filesystem::path& file,
                                           ArchiveFormat format = ArchiveFormat::oci);

/// The header of a regular member of any size in exactly one block: a place for it can be kept
/// before the size is known. What does not fit ustar's 8 GiB is in GNU's base-256, which every
/// reader of tars in use knows. The path is at most 100 bytes.
std::string one_block_header(const std::string& path, std::uint64_t size);

}  // namespace davit::oci
