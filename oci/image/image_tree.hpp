#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "oci/image/layer_reader.hpp"
#include "oci/layer/overlay.hpp"

namespace davit::oci {

/// Who wants what is in the files of a tree.
struct TreeHandler {
  virtual ~TreeHandler() = default;
  /// A node that an entry of a layer made, which may not be there any more. The last one before
  /// data comes is the entry's own; others are directories on the way to it.
  virtual void node(Node node, const TarEntry& entry) = 0;
  /// A piece of that entry's data.
  virtual void data(Bytes bytes) = 0;
};

/// An image's files as they are in the end: the layers' headers, put upon each other. Takes some
/// 100 bytes of memory for each entry.
class ImageTree {
 public:
  /// Reads all layers.
  ImageTree(const Call& call, const ImageLayers& image, const LayerReading& reading);

  const Overlay& files() const { return files_; }
  const ImageLayers& image() const { return image_; }

  /// Reads layers again, from the lowest, for what is in their files: those that have a node which
  /// `wanted` says yes to. Hands on all nodes that their entries made.
  void read(const Call& call, const LayerReading& reading, const std::function<bool(Node)>& wanted,
            TreeHandler& handler) const;

 private:
  const ImageLayers image_;
  Overlay files_;
  std::vector<std::uint32_t> entries_;  // of all layers below, by layer; then of all
};

}  // namespace davit::oci
