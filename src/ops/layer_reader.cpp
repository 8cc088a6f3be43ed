#include "src/ops/layer_reader.hpp"

#include <fmt/format.h>

#include "oci/base/error.hpp"
#include "oci/base/pipe.hpp"
#include "oci/base/tasks.hpp"
#include "oci/layer/decompress.hpp"
#include "oci/store/blobs_ahead.hpp"
#include "src/ops/inspect.hpp"

namespace davit::app {
namespace {

using oci::Error;
using oci::ErrorKind;

constexpr std::size_t ahead = 4 * oci::MiB;
constexpr std::size_t piece = 1 * oci::MiB;

/// A layer's tar, decompressed. `fetch` writes its blob.
oci::Content tar_of(const ImageLayers& image, std::size_t number, const LayerReading& options,
                    const oci::Content& fetch) {
  return [&image, number, &options, fetch](oci::Sink& to) {
    oci::Progress* progress = options.progress;
    const oci::Descriptor& layer = image.layers[number];
    const std::string what = fmt::format("{} of {}", layer.digest.str(), image.name);
    std::uint64_t in = 0;
    std::uint64_t out = 0;
    oci::FunctionSink watched([&](oci::Bytes bytes) {
      out += bytes.size();
      const bool limited = options.ratio_limit != 0 && out > options.ratio_from;
      if (limited && out / options.ratio_limit > in) {
        throw Error(ErrorKind::refused,
                    fmt::format("{}: inflates more than {} times", what, options.ratio_limit),
                    "unpack --max-size says how much is wanted all the same");
      }
      to.write(bytes);
    });
    const auto decompressor = oci::make_sniffing_decompressor(watched, what);
    oci::FunctionSink counted([&](oci::Bytes bytes) {
      in += bytes.size();
      decompressor->write(bytes);
    });
    oci::BlobEvent event{.id = layer.digest.str(),
                         .kind = "layer",
                         .state = oci::BlobState::copying,
                         .total = layer.size};
    if (progress != nullptr) progress->update(event);
    oci::ProgressSink reported(counted, progress, event);
    fetch(reported);
    decompressor->finish();
    event.state = oci::BlobState::done;
    event.bytes = layer.size;
    if (progress != nullptr) progress->update(event);
  };
}

class Stopping {
 public:
  explicit Stopping(oci::BlobsAhead& blobs) : blobs_(blobs) {}
  ~Stopping() { blobs_.stop(); }
  Stopping(const Stopping&) = delete;
  Stopping& operator=(const Stopping&) = delete;

 private:
  oci::BlobsAhead& blobs_;
};

}  // namespace

ImageLayers open_layers(Places& places, const Place& place,
                        const std::optional<oci::Platform>& platform) {
  Inspection found = inspect_image(places, place, platform);
  if (std::holds_alternative<oci::Index>(found.document)) {
    found = inspect_image(places, place, oci::Platform::host());
  }
  ImageLayers image;
  image.store = &places.open(place, Use::read);
  image.root = found.root;
  image.name = found.store + "@" + found.root.digest.str();
  if (!found.config) {
    throw Error(ErrorKind::corrupt, image.name + " is no image: it has no layers of files");
  }
  image.layers = std::get<oci::Manifest>(found.document).layers;
  image.diff_ids = found.config->diff_ids;
  if (image.layers.size() != image.diff_ids.size()) {
    throw Error(ErrorKind::corrupt,
                fmt::format("{} has {} layers, but its config lists {}", image.name,
                            image.layers.size(), image.diff_ids.size()));
  }
  return image;
}

void read_layers(const ImageLayers& image, LayerOrder order, const LayerReading& options,
                 const std::function<oci::TarHandler&(std::size_t)>& handler) {
  const std::size_t count = image.layers.size();
  const auto number = [&](std::size_t i) {
    return order == LayerOrder::bottom_up ? i : count - 1 - i;
  };
  std::vector<oci::Descriptor> in_order;
  for (std::size_t i = 0; i < count; ++i) in_order.push_back(image.layers[number(i)]);
  oci::BlobsAhead blobs(*image.store, std::move(in_order), options.stop);
  const auto open = [&](std::size_t i) -> std::unique_ptr<oci::Reader> {
    if (i == count) return nullptr;
    const auto fetch = [&blobs, i](oci::Sink& sink) { blobs.fetch(i, sink); };
    return std::make_unique<oci::Reader>(tar_of(image, number(i), options, fetch), ahead);
  };
  std::vector<std::byte> buffer(piece);
  std::unique_ptr<oci::Reader> current;
  std::unique_ptr<oci::Reader> next = open(0);
  // Before the readers go, on a failure: their threads may wait for each other's blobs.
  const Stopping stopping(blobs);
  for (std::size_t i = 0; i < count; ++i) {
    current = std::move(next);
    next = open(i + 1);
    const std::size_t layer = number(i);
    const std::string what = fmt::format("{} of {}", image.layers[layer].digest.str(), image.name);
    oci::Hasher hasher(image.diff_ids[layer].algorithm());
    // Its digest tells whether the archive was cut.
    oci::TarParser parser(handler(layer), what, oci::EndMarks::optional);
    while (const std::size_t n = current->read(buffer)) {
      oci::check_stop(options.stop);
      const oci::Bytes bytes = oci::Bytes(buffer).first(n);
      hasher.write(bytes);
      parser.write(bytes);
    }
    parser.finish();
    if (hasher.finish() != image.diff_ids[layer]) {
      throw Error(ErrorKind::corrupt, fmt::format("{}: its content is not that of diff_id {}", what,
                                                  image.diff_ids[layer].str()));
    }
  }
}

}  // namespace davit::app
