#pragma once

#include <filesystem>
#include <memory>

#include "oci/store/archive_writer.hpp"
#include "oci/store/layout_store.hpp"

namespace davit::oci {

/// An OCI image layout in one tar, as make_layout_store says.
///
/// OpenMode::existing reads one. It may be compressed with gzip, zstd or xz, and is then
/// decompressed once into a file in TMPDIR that has no name. Only regular members named as the
/// layout's files count, "./x" and "x" alike; when one stands twice, the last counts, as it would
/// after unpacking. Changing anything is Error(refused): an archive is written as a whole.
///
/// OpenMode::create writes a new one beside the target; it appears, in place of a file that may be
/// there, on commit(). Blobs of known size are written in parallel; an `add` keeps the end of the
/// file for itself until it is done, so other blobs that are not expected wait for it. What is
/// stored can be read back at once, and still after the commit. The bytes depend only on the
/// content and on the order of the members: that of `expect`, and otherwise that in which pushes
/// and adds begin; then oci-layout and index.json. Times and owners are 0, modes 0644.
///
/// Error(not_found) if the file, or the directory to write it in, is missing; Error(corrupt) if it
/// is no tar, truncated, or no image layout of version 1.0.0.
///
/// ArchiveFormat::docker also writes manifest.json, by which `docker load` and `podman load` take
/// it; reading is the same, so docker save's archives from version 25 on can be read, older ones
/// not.
std::unique_ptr<Store> open_archive(const std::filesystem::path& file, OpenMode mode,
                                    ArchiveFormat format = ArchiveFormat::oci);

}  // namespace davit::oci
