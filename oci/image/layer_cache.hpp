#pragma once

#include <map>
#include <optional>
#include <string>

#include "oci/layer/compression.hpp"
#include "oci/store/copy.hpp"

namespace davit::oci {

/// What the history says of how a layer was compressed: nothing where it is the default.
std::string compression_note(const Compression& compression);

/// Layers of images that are there already, found by the digest of their uncompressed bytes: a
/// build has no need to compress and send them again.
///
/// A layer is taken for one of the wanted compression if it has its format, and its history entry
/// names the same level or, as the layers of other programs, none.
class LayerCache {
 public:
  explicit LayerCache(Compression compression) : compression_(compression) {}

  /// Adds the layers of an image; of an index, the image for `platform`. Says whether there was
  /// one. Throws what the store throws, and Error(corrupt) for a malformed image.
  bool add(Store& store, std::string_view tag_or_digest, const Platform& platform);

  bool empty() const { return layers_.empty(); }

  /// The descriptor of a layer with this content, which from then on is in `to`: it was there, or
  /// is mounted or copied from where it is. Nothing if no image had it or its blob is gone.
  std::optional<Descriptor> bring(const Digest& diff_id, Store& to,
                                  const CopyOptions& copying) const;

 private:
  struct Layer {
    Store* store;
    Descriptor descriptor;
  };

  Compression compression_;
  std::map<Digest, Layer> layers_;
};

}  // namespace davit::oci
