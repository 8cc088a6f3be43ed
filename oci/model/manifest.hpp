#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "oci/model/descriptor.hpp"

namespace davit::oci {

/// A read-only view of an image manifest (manifest.md). The bytes are the document; this is not.
struct Manifest {
  std::string media_type;
  std::string artifact_type;
  Descriptor config;
  std::vector<Descriptor> layers;
  std::optional<Descriptor> subject;
  Annotations annotations;
};

/// A read-only view of an image index (image-index.md).
struct Index {
  std::string media_type;
  std::string artifact_type;
  std::vector<Descriptor> manifests;
  std::optional<Descriptor> subject;
  Annotations annotations;
};

using Document = std::variant<Manifest, Index>;

/// Reads a manifest or index. `media_type` is what it came as and decides which of the two it is;
/// if empty, the document's own type or shape does. Throws Error(corrupt) naming `what` for a
/// document that is neither, is both (CVE-2021-41190), contradicts the type it came as, or has
/// more than 10,000 descriptors.
Document parse_document(std::string_view media_type, std::string_view bytes, std::string_view what);

/// The type a document says it has, or that its shape shows when it says nothing.
std::string document_media_type(std::string_view bytes, std::string_view what);

/// What a document refers to, in its order: an index's manifests; a manifest's config and layers.
std::vector<Descriptor> children(const Document& document);

/// New documents: compact JSON, keys in the specification's order, no time or chance in it.
std::string to_json(const Manifest& manifest);
std::string to_json(const Index& index);

/// Chooses from an index: the first entry that satisfies `wanted`, or else the best older variant
/// that a machine of it runs (arm/v6 for arm/v7), as Docker does. Throws Error(not_found) naming
/// `what` and listing what there is.
const Descriptor& select_platform(const Index& index, const Platform& wanted,
                                  std::string_view what);

/// From a document to an image: of an index, nested ones too, the one for a platform; anything else
/// is taken as it is. `read` gives the bytes of a document. Throws as select_platform does, and
/// Error(corrupt) where indexes are nested more than eight deep.
Descriptor select_image(Descriptor root, const Platform& wanted,
                        const std::function<std::string(const Descriptor&)>& read,
                        std::string_view what);

/// The manifest that a document is; Error(corrupt) naming `what` if it is an index.
const Manifest& manifest_of(const Document& document, std::string_view what);

}  // namespace davit::oci
