#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "oci/base/file.hpp"
#include "oci/model/digest.hpp"
#include "oci/store/layout_store.hpp"

namespace davit::oci {

/// Where a file of the layout lies in the tar.
struct ArchiveMember {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

/// The layout's files in a tar. Others, and names that lead out of it, are passed over.
struct ArchiveMembers {
  std::map<Digest, ArchiveMember> blobs;
  std::optional<ArchiveMember> index;
  std::optional<ArchiveMember> version;  ///< oci-layout
};

/// Lists an uncompressed tar of `size` bytes, reading its headers but not what large members hold.
/// Throws Error(corrupt) naming `what` for what is no tar, for a truncated one, for more than
/// 200,000 members, and where a file of the layout is a link or no file.
ArchiveMembers list_archive(int fd, std::uint64_t size, std::string_view what);

/// An archive opened for reading, see open_archive.
std::unique_ptr<LayoutFiles> read_archive(const std::filesystem::path& file);

}  // namespace davit::oci
