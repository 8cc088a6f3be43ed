#include "oci/image/layer_cache.hpp"

#include <array>
#include <vector>

#include "oci/base/error.hpp"
#include "oci/image/inspect.hpp"

namespace davit::oci {
namespace {

constexpr std::string_view note_begin = "compression ";

/// The comments of the entries that stand for a layer; none if they cannot be told apart.
std::vector<std::string> layer_comments(const ImageConfig& config) {
  std::vector<std::string> comments;
  for (const History& entry : config.history) {
    if (!entry.empty_layer) comments.push_back(entry.comment);
  }
  if (comments.size() != config.diff_ids.size()) comments.clear();
  comments.resize(config.diff_ids.size());
  return comments;
}

}  // namespace

std::string compression_note(const Compression& compression) {
  return compression.level() ? std::string(note_begin) + compression.str() : "";
}

bool LayerCache::add(Store& store, std::string_view tag_or_digest, const Platform& platform) {
  const Inspection image = inspect_image(store, tag_or_digest, platform);
  if (!image.config) return false;
  const auto& layers = std::get<Manifest>(image.document).layers;
  const auto& diff_ids = image.config->diff_ids;
  if (layers.size() != diff_ids.size()) {
    throw Error(ErrorKind::corrupt, image.store + "@" + image.root.digest.str() +
                                        " has not as many layers as its config lists");
  }
  const std::string wanted = compression_note(compression_);
  const std::vector<std::string> comments = layer_comments(*image.config);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    if (layer_format(layers[i].media_type) != compression_.format()) continue;
    if (is_nondistributable(layers[i].media_type)) continue;
    if ((comments[i].starts_with(note_begin) ? comments[i] : "") != wanted) continue;
    layers_.try_emplace(diff_ids[i], Layer{&store,
                                           {.media_type = layers[i].media_type,
                                            .digest = layers[i].digest,
                                            .size = layers[i].size}});
  }
  return true;
}

std::optional<Descriptor> LayerCache::bring(const Digest& diff_id, Store& to,
                                            const CopyOptions& copying) const {
  const auto found = layers_.find(diff_id);
  if (found == layers_.end()) return std::nullopt;
  const auto& [store, descriptor] = found->second;
  if (to.has(descriptor)) return descriptor;
  try {
    copy_blobs(*store, to, std::array{descriptor}, copying);
  } catch (const Error& error) {
    // What is gone or spoilt there, though its manifest is not, is built here.
    if (error.kind() != ErrorKind::not_found && error.kind() != ErrorKind::corrupt) throw;
    return std::nullopt;
  }
  return descriptor;
}

}  // namespace davit::oci
