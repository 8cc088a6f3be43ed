#pragma once

#include <filesystem>
#include <memory>

#include "oci/store/layout_store.hpp"

namespace davit::oci {

/// An OCI image layout in a directory (image-layout.md), as make_layout_store says.
///
/// It is valid at every moment: blobs appear by rename after they are verified, and index.json is
/// replaced as a whole under a lock between processes (the file .davit.lock, which other tools do
/// not look at), so that writers at the same time lose nothing. Everything is opened beneath the
/// directory by the kernel; symbolic links in it are refused, and so is what is no regular file.
///
/// `has` reads a blob and verifies it, once in the life of the store: one that is damaged, or is no
/// regular file, is not there, so that the next copy writes it anew.
///
/// OpenMode::create makes the directory, those above it, and an empty layout. Error(not_found) if
/// the directory is missing otherwise; Error(corrupt) if it is no image layout of version 1.0.0;
/// Error(refused) if a layout is to be made among other files.
std::unique_ptr<Store> open_layout(const Call& call, const std::filesystem::path& directory,
                                   OpenMode mode);

}  // namespace davit::oci
