#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "oci/model/manifest.hpp"

namespace davit::oci {

/// index.json of an image layout (image-layout.md, "index.json file"): read into an Index, edited
/// as text, so that members and annotations this program does not know survive. `what` names the
/// layout in errors.

/// Throws Error(corrupt) for what is no index, or is larger or deeper than a document may be.
Index parse_layout_index(std::string_view text, std::string_view what);

/// The entry that a person means. A digest is the entry's own. A tag is an entry's whole
/// org.opencontainers.image.ref.name; if there is none, the tag of one that is a full name
/// ("docker.io/library/x:1.2", as some tools write). "" is the only image: among those with a tag,
/// or among all if none has one. Throws Error(usage), listing what there is, if several images
/// fit.
std::optional<Descriptor> find_entry(const Index& index, std::string_view tag_or_digest,
                                     std::string_view what);

/// The ref.name annotations, sorted, each once.
std::vector<std::string> entry_tags(const Index& index);

/// Throws Error(usage) unless the tag has the grammar of a ref.name (annotations.md) and is not
/// a digest.
void check_entry_tag(std::string_view tag);

/// How index.json reads with a document under a tag, which moves if it was elsewhere, or without
/// one if the tag is empty. index.json lists roots: entries without tag and annotations go away if
/// they are the document itself or among its `children`. Unchanged if it says all that already.
std::string with_entry(std::string_view text, const Descriptor& document, std::string_view tag,
                       std::span<const Descriptor> children, std::string_view what);

/// How index.json reads without the entries that the tag or digest means; nothing if there are
/// none.
std::optional<std::string> without_entry(std::string_view text, std::string_view tag_or_digest,
                                         std::string_view what);

/// index.json of a layout that is empty.
std::string new_layout_index();

/// The file by which a layout is known (image-layout.md, "oci-layout file"), as this program writes
/// it.
inline constexpr std::string_view layout_version_text = R"({"imageLayoutVersion":"1.0.0"})";

/// Where a blob lies in a layout (image-layout.md, "Blobs"), and the directory it lies in.
std::string blob_path(const Digest& digest);
std::string blob_directory(const Digest& digest);

/// Throws Error(corrupt) unless the text of oci-layout says version 1.0.0.
void check_layout_version(std::string_view text, std::string_view what);

}  // namespace davit::oci
