#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "oci/store/archive.hpp"
#include "src/ops/transfer.hpp"

namespace davit::app {

// A bundle is an OCI image layout in one tar that holds many images under their full names
// ("registry.example/team/app:1.0"), each blob once. A delta bundle leaves out what another has.

/// An image in a bundle.
struct Bundled {
  std::string name;
  oci::Descriptor root;
  std::uint64_t size = 0;                     ///< of all it refers to that the bundle has
  std::vector<oci::Descriptor> missing = {};  ///< what it refers to and the bundle has not
};

struct SaveOptions {
  TransferOptions transfer;
  bool referrers = false;         ///< signatures, SBOMs, and what refers to them
  std::set<oci::Digest> without;  ///< what the other side has
  oci::ArchiveFormat format = oci::ArchiveFormat::oci;
  std::optional<std::uint64_t> volume_size = {};  ///< in several files of this size
};

/// Writes a bundle of images, named as they were asked for. The file appears when it is complete.
/// After a failure the same call continues where the first one stopped.
std::vector<Bundled> save_bundle(const oci::Call& call, Places& places,
                                 const std::filesystem::path& file,
                                 const std::vector<Place>& images, const SaveOptions& options);

/// What a bundle holds, by name; of a delta bundle also what it lacks.
std::vector<Bundled> list_bundle(const oci::Call& call, const std::filesystem::path& file);

/// All digests that a bundle has, for `SaveOptions::without`; also of the JSON that `list --json`
/// prints, which is easier to carry back.
std::set<oci::Digest> bundle_contents(const oci::Call& call, const std::filesystem::path& file);

/// Reads every blob and document against its digest. Throws Error(corrupt) for the first that does
/// not match, and Error(not_found) where something is missing and `delta` does not allow it.
enum class Completeness { whole, delta };
std::vector<Bundled> verify_bundle(const oci::Call& call, const std::filesystem::path& file,
                                   Completeness completeness, const TransferOptions& options);

/// Copies all images to repositories below a prefix: "registry.example/mirror" and
/// "docker.io/library/alpine:3" make "registry.example/mirror/library/alpine:3". What a delta lacks
/// must be there; Error(not_found) names what is not.
std::vector<Landed> load_bundle(const oci::Call& call, Places& places,
                                const std::filesystem::path& file, const std::string& prefix,
                                const TransferOptions& options);

}  // namespace davit::app
