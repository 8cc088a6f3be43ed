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

// Documents. Their size is document_limit (oci/model/descriptor.hpp).

/// JSON within JSON, and values in a document: what a person or a program writes is far below, and
/// a parser that goes down once a level does not run out of stack.
inline constexpr std::size_t json_depth_limit = 64;
inline constexpr std::size_t json_value_limit = 200'000;
/// Descriptors in one manifest or index.
inline constexpr std::size_t descriptor_count_limit = 10'000;
/// Indexes within indexes: two are seen in the field.
inline constexpr std::size_t index_depth_limit = 8;
/// What may belong to one image: documents, their bytes together, and blobs.
inline constexpr std::size_t closure_document_limit = 10'000;
inline constexpr std::uint64_t closure_document_size_limit = 64 * MiB;
inline constexpr std::size_t closure_blob_limit = 100'000;

// Archives.

/// Files in an archive of images, whose names are held: twice as many as blobs may belong to one
/// image.
inline constexpr std::size_t archive_member_limit = 200'000;
/// Images in the list of an archive that `docker save` wrote.
inline constexpr std::size_t archive_image_limit = 10'000;
/// `docker save` links a layer to where it is; nothing links further.
inline constexpr int archive_link_limit = 4;
/// No reader in the field takes longer pax records or GNU long names (Go's archive/tar since
/// CVE-2022-2879), so none are written either.
inline constexpr std::size_t tar_extension_limit = 1 * MiB;

// Names.

/// The kernel's PATH_MAX with the final NUL: nobody could name what has a longer path.
inline constexpr std::size_t path_size_limit = 4096;
/// The kernel's NAME_MAX.
inline constexpr std::size_t name_size_limit = 255;
/// Symbolic links on the way to one file: as many as the kernel follows.
inline constexpr int symlink_limit = 40;

}  // namespace davit::oci
