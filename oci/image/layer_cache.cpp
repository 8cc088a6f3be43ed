#include "oci/image/layer_cache.hpp"

#include <fmt/format.h>

#include <array>
#include <vector>

#include "oci/base/error.hpp"
#include "oci/base/log.hpp"
#include "oci/base/tasks.hpp"
#include "oci/image/inspect.hpp"
#include "oci/layer/decompress.hpp"

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

/// Writes a layer's blob into a sink, and throws Error(corrupt) at its end, or as soon as it is
/// longer, if it does not hold the tar. The tar's size bounds what is decompressed.
void fetch_checked(const Call& call, Store& from, const Descriptor& layer, const LayerInfo& tar,
                   Sink& into) {
  const std::string what = fmt::format("{} of {}", layer.digest.str(), from.name());
  const Error wrong(ErrorKind::corrupt, what + " does not hold what its image says");
  Hasher hasher;
  std::uint64_t size = 0;
  FunctionSink uncompressed([&](Bytes bytes) {
    size += bytes.size();
    if (size > tar.tar_size) throw wrong;
    hasher.write(bytes);
  });
  const auto decompressor = make_sniffing_decompressor(uncompressed, what);
  BlobEvent event{
      .id = layer.digest.str(), .kind = "layer", .state = BlobState::checking, .total = layer.size};
  Tee both(into, *decompressor);
  ProgressSink reported(both, call, event);
  from.fetch(call, layer, reported);
  decompressor->finish();
  if (hasher.finish() != tar.diff_id) throw wrong;
}

/// Brings a layer that is checked: while it is copied, or by itself where the store has it or
/// mounts it. A blob that is found to be another may stay in the store; nothing refers to it.
void bring_checked(const Call& call, Store& from, const Descriptor& layer, const LayerInfo& tar,
                   Store& to) {
  const auto source = from.mount_source();
  if (to.has(call, layer) || (source && to.mount(call, layer, *source))) {
    NullSink nowhere;
    fetch_checked(call, from, layer, tar, nowhere);
  } else {
    to.push(call, layer,
            [&](const Call& inner, Sink& sink) { fetch_checked(inner, from, layer, tar, sink); });
  }
  if (call.progress == nullptr) return;
  call.progress->update({.id = layer.digest.str(),
                         .kind = "layer",
                         .state = BlobState::done,
                         .bytes = layer.size,
                         .total = layer.size});
}

}  // namespace

std::string compression_note(const Compression& compression) {
  return compression.level() ? std::string(note_begin) + compression.str() : "";
}

bool LayerCache::add(const Call& call, Store& store, std::string_view tag_or_digest,
                     const Platform& platform, Claims claims) {
  const Inspection image = inspect_image(call, store, tag_or_digest, platform);
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
                                            .size = layers[i].size},
                                           claims});
  }
  return true;
}

std::optional<Descriptor> LayerCache::bring(const Call& call, const LayerInfo& tar,
                                            Store& to) const {
  const auto found = layers_.find(tar.diff_id);
  if (found == layers_.end()) return std::nullopt;
  const auto& [store, descriptor, claims] = found->second;
  try {
    if (claims == Claims::checked) {
      bring_checked(call, *store, descriptor, tar, to);
    } else if (!to.has(call, descriptor)) {
      copy_blobs(call, *store, to, std::array{descriptor});
    }
  } catch (const Error& error) {
    // What is gone or spoilt there, though its manifest is not, is built here.
    if (error.kind() != ErrorKind::not_found && error.kind() != ErrorKind::corrupt) throw;
    if (claims == Claims::checked) {
      log(LogLevel::warning, fmt::format("a layer is not used again: {}", error.what()));
    }
    return std::nullopt;
  }
  return descriptor;
}

}  // namespace davit::oci
