#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "oci/model/reference.hpp"

namespace davit::app {

/// Where an image is or goes, as the command line writes it:
///   [docker://][HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST]   a registry
///   oci:DIR[:TAG|@DIGEST]                                 an OCI image layout
///   oci-archive:FILE[:TAG|@DIGEST]                        the same in one tar
///   docker-archive:FILE[:NAME[:TAG]]                      such a tar that docker load takes, too
/// An image in a layout or archive may also be named in full, as bundles have them:
/// oci-archive:apps.bundle:registry.example/app:1. A place means what was written, whether or not a
/// file of that name exists.
struct Place {
  enum class Kind { registry, layout, archive, docker_archive };

  Kind kind = Kind::registry;
  oci::Reference reference;    ///< of a registry
  std::filesystem::path path;  ///< of a layout or an archive
  std::string local_name;      ///< tag or digest in it; empty: its only image

  /// Throws Error(usage).
  static Place parse(std::string_view text);

  bool local() const { return kind != Kind::registry; }
  /// What to ask the store for: a tag or digest; empty where a local place names none.
  std::string identifier() const;
  /// The tag that an image gets here; empty where the place is named by digest or has none.
  std::string tag() const;
  /// The place without tag and digest: two places with the same are one store.
  std::string store_name() const;
};

}  // namespace davit::app
