#include "oci/image/image_tree.hpp"

#include <utility>

namespace davit::oci {
namespace {

class Applier final : public TarHandler {
 public:
  explicit Applier(Overlay& files) : files_(files) {}
  void entry(const TarEntry& entry) override {
    files_.apply(entry);
    ++count_;
  }
  void data(Bytes) override {}
  std::uint32_t count() const { return count_; }

 private:
  Overlay& files_;
  std::uint32_t count_ = 0;
};

/// Finds the nodes of the entries that are read again. Both are in the order in which they came.
class Finder final : public TarHandler {
 public:
  Finder(const Overlay& files, TreeHandler& handler) : files_(files), handler_(handler) {}

  void begin_layer(std::uint32_t entries_below) { entry_ = entries_below; }

  void entry(const TarEntry& entry) override {
    ++entry_;
    found_ = no_node;
    for (; next_ < files_.size() && files_[next_].entry <= entry_; ++next_) {
      if (files_[next_].entry != entry_) continue;  // of a layer that is not read again
      found_ = next_;
      handler_.node(next_, entry);
    }
  }
  void data(Bytes bytes) override {
    if (found_ != no_node) handler_.data(bytes);
  }

 private:
  const Overlay& files_;
  TreeHandler& handler_;
  std::uint32_t entry_ = 0;
  Node next_ = 0;
  Node found_ = no_node;
};

}  // namespace

ImageTree::ImageTree(const Call& call, const ImageLayers& image, const LayerReading& reading)
    : image_(image) {
  Applier applier(files_);
  read_layers(call, image_, LayerOrder::bottom_up, reading, [&](std::size_t layer) -> TarHandler& {
    entries_.push_back(applier.count());
    files_.begin_layer(layer_name(image_, layer));
    return applier;
  });
  entries_.push_back(applier.count());
  files_.settle();
}

void ImageTree::read(const Call& call, const LayerReading& reading,
                     const std::function<bool(Node)>& wanted, TreeHandler& handler) const {
  ImageLayers some = image_;
  some.layers.clear();
  some.diff_ids.clear();
  std::vector<std::uint32_t> below;
  Node node = 0;
  for (std::size_t layer = 0; layer < image_.layers.size(); ++layer) {
    bool any = false;
    for (; node < files_.size() && files_[node].entry <= entries_[layer + 1]; ++node) {
      any = any || wanted(node);
    }
    if (!any) continue;
    some.layers.push_back(image_.layers[layer]);
    some.diff_ids.push_back(image_.diff_ids[layer]);
    below.push_back(entries_[layer]);
  }
  Finder finder(files_, handler);
  // Progress has been told of all layers, and they have been compared.
  LayerReading second = reading;
  second.compares_diff_ids = false;
  read_layers({.stop = call.stop}, some, LayerOrder::bottom_up, second,
              [&](std::size_t layer) -> TarHandler& {
                finder.begin_layer(below[layer]);
                return finder;
              });
}

}  // namespace davit::oci
