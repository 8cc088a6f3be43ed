#pragma once

#include <map>
#include <optional>
#include <string>

#include "oci/layer/compression.hpp"
#include "oci/layer/layer.hpp"
#include "oci/store/copy.hpp"

namespace davit::oci {

/// What the history says of how a layer was compressed: nothing where it is the default.
std::string compression_note(const Compression& compression);

/// Layers of images that are there already, found by the digest of their uncompressed bytes: a
/// build has no need to compress and send them again.
///
/// A layer is taken for one of the wanted compression if it has its format, and its history entry
/// names the same level or, as the layers of other programs, none.
///
/// Which bytes a layer has is a claim of the config that lists it. It is believed of an image that
/// the build replaces in its own place, since whoever could write it there could write anything
/// there. Every other image's layer is read, decompressed and hashed before it is used.
class LayerCache {
 public:
  enum class Claims { believed, checked };

  explicit LayerCache(Compression compression) : compression_(compression) {}

  /// Adds the layers of an image; of an index, the image for `platform`. Says whether there was
  /// one. Throws what the store throws, and Error(corrupt) for a malformed image.
  bool add(const Call& call, Store& store, std::string_view tag_or_digest, const Platform& platform,
           Claims claims);

  bool empty() const { return layers_.empty(); }

  /// The descriptor of a layer with this tar, which from then on is in `to`: it was there, or is
  /// mounted or copied from where it is. Nothing if no image had it, or its blob is gone or is not
  /// what was claimed; of the latter it is warned.
  std::optional<Descriptor> bring(const Call& call, const LayerInfo& tar, Store& to) const;

 private:
  struct Layer {
    Store* store;
    Descriptor descriptor;
    Claims claims;
  };

  Compression compression_;
  std::map<Digest, Layer> layers_;
};

}  // namespace davit::oci
