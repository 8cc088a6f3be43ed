#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "oci/model/digest.hpp"

namespace davit::oci {

/// A repository in a registry and what is wanted of it: [HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST]
/// (distribution-spec, "Pull"). No host means docker.io, and one word then means library/ of it.
struct Reference {
  std::string registry;    ///< "docker.io", "localhost:5000", "[::1]:5000"
  std::string repository;  ///< "library/python"
  std::optional<std::string> tag;
  std::optional<Digest> digest;

  /// Throws Error(usage) that says what is wrong with the text.
  static Reference parse(std::string_view text);

  /// The digest if there is one, else the tag, else "latest".
  std::string identifier() const;
  /// "registry/repository"
  std::string name() const { return registry + "/" + repository; }
  std::string str() const;
};

/// [A-Za-z0-9_][A-Za-z0-9._-]{0,127}
bool is_tag(std::string_view text);
/// Lower-case path components joined by "/", at most 255 characters.
bool is_repository(std::string_view text);
/// A host name, an IPv4 or bracketed IPv6 address, with or without a port.
bool is_registry(std::string_view text);

}  // namespace davit::oci
