#pragma once

#include <map>
#include <string>
#include <string_view>

#include "oci/store/archive_members.hpp"

namespace davit::oci {

/// An archive that has no image layout but Docker's older form of one (Docker Image Specification
/// v1.2, "Combined Image JSON + Filesystem Changeset Format"): docker save before version 25,
/// podman save and skopeo write it. manifest.json names a config and layers for each image, which
/// are mostly not compressed; the manifests with their digests are not kept, so they are made anew.
struct DockerArchive {
  std::string index;                        ///< the text of an index.json for it
  std::map<Digest, std::string> documents;  ///< the manifests that are made
  std::map<Digest, ArchiveMember> blobs;    ///< configs and layers
};

/// Throws Error(corrupt) naming `what` where a file is missing or contradicts another. Links within
/// the archive are followed, as docker save makes them for layers that are there already.
DockerArchive read_docker_archive(const Volumes& file, const ArchiveMember& manifest,
                                  std::string_view what);

}  // namespace davit::oci
