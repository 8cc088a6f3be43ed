#pragma once

#include <optional>
#include <string_view>

namespace davit::oci {

/// The types of documents and blobs (image-spec media-types.md; Docker's image manifest v2 schema
/// 2).
namespace media {
inline constexpr std::string_view oci_index = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view oci_manifest = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view oci_config = "application/vnd.oci.image.config.v1+json";
inline constexpr std::string_view oci_layer = "application/vnd.oci.image.layer.v1.tar";
inline constexpr std::string_view oci_layer_gzip = "application/vnd.oci.image.layer.v1.tar+gzip";
inline constexpr std::string_view oci_layer_zstd = "application/vnd.oci.image.layer.v1.tar+zstd";
inline constexpr std::string_view oci_empty = "application/vnd.oci.empty.v1+json";
inline constexpr std::string_view docker_list =
    "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr std::string_view docker_manifest =
    "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr std::string_view docker_config = "application/vnd.docker.container.image.v1+json";
inline constexpr std::string_view docker_layer_gzip =
    "application/vnd.docker.image.rootfs.diff.tar.gzip";
}  // namespace media

/// How a layer's tar is stored.
enum class LayerFormat { tar, gzip, zstd };

/// An index or a manifest list.
bool is_index(std::string_view media_type);
/// An image manifest of OCI or Docker.
bool is_manifest(std::string_view media_type);
/// Any of these: what a registry keeps under /manifests/.
inline bool is_document(std::string_view media_type) {
  return is_index(media_type) || is_manifest(media_type);
}
/// Layers that stay where their `urls` say (deprecated, still met).
bool is_nondistributable(std::string_view media_type);
/// A layer's format by its type's suffix; nothing for what is no layer, or one that this program
/// cannot open, such as an encrypted one.
std::optional<LayerFormat> layer_format(std::string_view media_type);
/// "application/json; charset=utf-8" without its parameters.
std::string_view without_parameters(std::string_view media_type);
/// For people: "layer", "config", "manifest", "index" or "blob".
std::string_view kind_of(std::string_view media_type);

}  // namespace davit::oci
