#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "oci/base/volumes.hpp"
#include "oci/layer/tar_header.hpp"
#include "oci/model/digest.hpp"

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
  std::optional<ArchiveMember> version;          ///< oci-layout
  std::optional<ArchiveMember> docker_manifest;  ///< manifest.json
};

/// Shows every entry of an uncompressed tar, reading headers but not what large members hold.
/// Throws Error(corrupt) naming `what` for what is no tar, for a truncated one, and for more than
/// 200,000 members.
void list_entries(const Volumes& file, std::string_view what,
                  const std::function<void(const TarEntry&)>& entry);

/// Finds the layout's files. Error(corrupt) also where one of them is a link or no file.
ArchiveMembers list_archive(const Volumes& file, std::string_view what);

/// A member's text, which is a document or as small as one.
std::string read_member(const Volumes& file, const ArchiveMember& member, std::string_view what);

}  // namespace davit::oci
