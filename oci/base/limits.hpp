#pragma once

#include <cstddef>
#include <cstdint>

#include "oci/base/bytes.hpp"

/// What comes from outside is bounded before it is held or obeyed: each bound with its reason. They
/// are far beyond what honest images have, and small enough that whoever sends more harms nobody.
namespace davit::oci {

// What the layers of an image may hold together.

/// The largest images in the field have some hundred thousand files.
inline constexpr std::uint64_t layer_entry_limit = 10'000'000;
/// Bytes of files that `unpack` writes. Images with models for machine learning reach 100 GiB;
/// `--max-size` says otherwise.
inline constexpr std::uint64_t unpacked_size_limit = 256 * GiB;
/// What stands in the layers' tars besides the data of files: an entry's headers are some KiB.
inline constexpr std::uint64_t tar_overhead_limit = 16 * GiB;
/// What the layers may inflate to where nothing is written. It bounds time only: a compressed layer
/// of honest zeros is thousands of times smaller than its content, so no ratio tells what is meant
/// to harm.
inline constexpr std::uint64_t inflated_size_limit = 1024 * GiB;

// What the tree of an image's files may take in memory.

/// A file or directory takes about 100 bytes, and its entry is 512 bytes of tar at least. A small
/// layer that needs much more for its entries (each beneath thousands of directories that have no
/// entry, with names of thousands of bytes) was made to harm.
inline constexpr std::uint64_t tree_memory_per_entry = 256;
inline constexpr std::uint64_t tree_memory_base = 2 * MiB;

// Names.

/// The kernel's PATH_MAX with the final NUL: nobody could name what has a longer path.
inline constexpr std::size_t path_size_limit = 4096;
/// The kernel's NAME_MAX.
inline constexpr std::size_t name_size_limit = 255;
/// Symbolic links on the way to one file: as many as the kernel follows.
inline constexpr int symlink_limit = 40;

}  // namespace davit::oci
