#pragma once

#include <filesystem>
#include <memory>
#include <optional>

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
/// Where it was told at first what to expect, and that is much, what came stays in "FILE.part" if
/// the process stops or is killed; writing the same again goes on from there.
///
/// With a volume size an archive is written as volumes; a file that is missing but has volumes is
/// read from these (see Volumes).
///
/// Error(not_found) if the file, or the directory to write it in, is missing; Error(corrupt) if it
/// is no tar, truncated, or no image layout of version 1.0.0.
///
/// ArchiveFormat::docker also writes manifest.json, by which `docker load` and `podman load` take
/// it; reading is the same. An archive that has nothing but a manifest.json (docker save before
/// version 25, podman save) is read as a layout of manifests made for it, see read_docker_archive.
std::unique_ptr<Store> open_archive(const Call& call, const std::filesystem::path& file,
                                    OpenMode mode, ArchiveFormat format = ArchiveFormat::oci,
                                    std::optional<std::uint64_t> volume_size = {});

}  // namespace davit::oci
