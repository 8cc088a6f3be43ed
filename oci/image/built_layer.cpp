#include "oci/image/built_layer.hpp"

#include "oci/base/error.hpp"
#include "oci/layer/decompress.hpp"

namespace davit::oci {
namespace {

/// A compressed tarball's digests, both from one pass.
BuiltLayer measure(const Call& call, const LayerInput::Compressed& compressed,
                   std::string_view name) {
  Hasher blob;
  Hasher uncompressed;
  TarCheck checked(uncompressed, name);
  const auto decompressor = make_decompressor(compressed.encoding, checked, name);
  Tee both(blob, *decompressor);
  compressed.blob(call, both);
  decompressor->finish();
  checked.finish();
  BuiltLayer layer;
  layer.descriptor.media_type = compressed.media_type;
  layer.descriptor.digest = blob.finish();
  layer.descriptor.size = compressed.size;
  layer.diff_id = uncompressed.finish();
  return layer;
}

void report(const Call& call, const BlobEvent& event) {
  if (call.progress != nullptr) call.progress->update(event);
}

BuiltLayer send_compressed(const Call& call, const LayerInput& input, const std::string& id,
                           const LayerWork& work) {
  const LayerInput::Compressed& compressed = *input.compressed;
  BlobEvent event{
      .id = id, .kind = "layer", .state = BlobState::checking, .total = compressed.size};
  report(call, event);
  const BuiltLayer layer = measure(call, compressed, input.name);
  if (work.to.has(call, layer.descriptor)) {
    event.state = BlobState::exists;
  } else {
    event.state = BlobState::copying;
    work.to.push(call, layer.descriptor, [&](const Call& inner, Sink& sink) {
      ProgressSink reported(sink, inner, event);
      compressed.blob(inner, reported);
    });
    event.state = BlobState::done;
    event.bytes = compressed.size;
  }
  report(call, event);
  return layer;
}

/// The layer of the cache with this tar's bytes, if there is one.
std::optional<BuiltLayer> find_cached(const Call& call, const TarSource& tar, const std::string& id,
                                      const LayerWork& work) {
  if (work.cache.empty()) return std::nullopt;
  BlobEvent event{.id = id, .kind = "layer", .state = BlobState::checking, .total = {}};
  report(call, event);
  NullSink nowhere;
  ProgressSink reported(nowhere, call, event);
  const LayerInfo info =
      write_layer(tar, Compression::parse("none"), work.pool, reported, call.stop);
  const auto descriptor = work.cache.bring(call, info, work.to);
  if (!descriptor) return std::nullopt;
  event.state = BlobState::exists;
  event.bytes = descriptor->size;
  event.total = descriptor->size;
  report(call, event);
  return BuiltLayer{.descriptor = *descriptor,
                    .diff_id = info.diff_id,
                    .comment = compression_note(work.compression)};
}

BuiltLayer compress(const Call& call, const TarSource& tar, const std::string& id,
                    const LayerWork& work) {
  if (const auto cached = find_cached(call, tar, id, work)) return *cached;
  BlobEvent event{.id = id, .kind = "layer", .state = BlobState::building, .total = {}};
  report(call, event);
  BuiltLayer layer;
  layer.comment = compression_note(work.compression);
  layer.descriptor =
      work.to.add(call, work.compression.media_type(), [&](const Call& inner, Sink& sink) {
        ProgressSink reported(sink, inner, event);
        layer.diff_id = write_layer(tar, work.compression, work.pool, reported, inner.stop).diff_id;
      });
  event.state = BlobState::done;
  event.bytes = layer.descriptor.size;
  event.total = layer.descriptor.size;
  report(call, event);
  return layer;
}

}  // namespace

BuiltLayer build_layer(const Call& call, const LayerInput& input, const std::string& id,
                       const LayerWork& work) {
  BuiltLayer layer = input.compressed ? send_compressed(call, input, id, work)
                                      : compress(call, input.tar, id, work);
  layer.created_by = input.created_by;
  return layer;
}

}  // namespace davit::oci
