#include "oci/model/media_type.hpp"

#include <array>

namespace davit::oci {

bool is_index(std::string_view media_type) {
  return media_type == media::oci_index || media_type == media::docker_list;
}

bool is_manifest(std::string_view media_type) {
  return media_type == media::oci_manifest || media_type == media::docker_manifest;
}

bool is_nondistributable(std::string_view media_type) {
  return media_type.starts_with("application/vnd.oci.image.layer.nondistributable.") ||
         media_type.starts_with("application/vnd.docker.image.rootfs.foreign.");
}

std::optional<LayerFormat> layer_format(std::string_view media_type) {
  static constexpr std::array<std::string_view, 4> tars = {
      media::oci_layer,
      "application/vnd.oci.image.layer.nondistributable.v1.tar",
      "application/vnd.docker.image.rootfs.diff.tar",
      "application/vnd.docker.image.rootfs.foreign.diff.tar",
  };
  for (const std::string_view tar : tars) {
    if (!media_type.starts_with(tar)) continue;
    const std::string_view suffix = media_type.substr(tar.size());
    if (suffix.empty()) return LayerFormat::tar;
    if (suffix == "+gzip" || suffix == ".gzip") return LayerFormat::gzip;
    if (suffix == "+zstd" || suffix == ".zstd") return LayerFormat::zstd;
  }
  return std::nullopt;
}

std::string_view without_parameters(std::string_view media_type) {
  media_type = media_type.substr(0, media_type.find(';'));
  while (media_type.ends_with(' ') || media_type.ends_with('\t')) media_type.remove_suffix(1);
  return media_type;
}

std::string_view kind_of(std::string_view media_type) {
  if (is_index(media_type)) return "index";
  if (is_manifest(media_type)) return "manifest";
  if (layer_format(media_type)) return "layer";
  if (media_type == media::oci_config || media_type == media::docker_config) return "config";
  return "blob";
}

}  // namespace davit::oci
