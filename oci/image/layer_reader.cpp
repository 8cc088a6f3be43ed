#include "oci/image/layer_reader.hpp"

#include <fmt/format.h>

#include <atomic>

#include "oci/base/error.hpp"
#include "oci/base/pipe.hpp"
#include "oci/base/tasks.hpp"
#include "oci/image/inspect.hpp"
#include "oci/layer/decompress.hpp"
#include "oci/store/blobs_ahead.hpp"

namespace davit::oci {
namespace {

constexpr std::size_t ahead = 4 * MiB;
constexpr std::size_t piece = 1 * MiB;

/// A layer's tar, decompressed. `fetch` writes its blob; `inflated` is what all layers came to.
Content tar_of(const ImageLayers& image, std::size_t number, const LayerReading& options,
               const Content& fetch, std::atomic<std::uint64_t>& inflated) {
  return [&image, number, &options, fetch, &inflated](const Call& call, Sink& to) {
    Progress* progress = call.progress;
    const Descriptor& layer = image.layers[number];
    const std::string what = layer_name(image, number);
    FunctionSink watched([&](Bytes bytes) {
      if ((inflated += bytes.size()) > options.max_bytes) {
        throw Error(ErrorKind::refused, fmt::format("{}: inflates to more than {}", what,
                                                    human_size(options.max_bytes)));
      }
      to.write(bytes);
    });
    const auto decompressor = make_sniffing_decompressor(watched, what);
    BlobEvent event{.id = layer.digest.str(),
                    .kind = "layer",
                    .state = BlobState::copying,
                    .total = layer.size};
    if (progress != nullptr) progress->update(event);
    ProgressSink reported(*decompressor, call, event);
    fetch(call, reported);
    decompressor->finish();
    event.state = BlobState::done;
    event.bytes = layer.size;
    if (progress != nullptr) progress->update(event);
  };
}

}  // namespace

ImageLayers open_layers(const Call& call, Store& store, std::string_view tag_or_digest,
                        const std::optional<Platform>& platform) {
  Inspection found = inspect_image(call, store, tag_or_digest, platform);
  if (std::holds_alternative<Index>(found.document)) {
    found = inspect_image(call, store, tag_or_digest, Platform::host());
  }
  ImageLayers image;
  image.store = &store;
  image.root = found.root;
  image.name = found.store + "@" + found.root.digest.str();
  if (!found.config) {
    throw Error(ErrorKind::corrupt, image.name + " is no image: it has no layers of files");
  }
  image.layers = std::get<Manifest>(found.document).layers;
  image.diff_ids = found.config->diff_ids;
  if (image.layers.size() != image.diff_ids.size()) {
    throw Error(ErrorKind::corrupt,
                fmt::format("{} has {} layers, but its config lists {}", image.name,
                            image.layers.size(), image.diff_ids.size()));
  }
  return image;
}

std::string layer_name(const ImageLayers& image, std::size_t layer) {
  return fmt::format("{} of {}", image.layers[layer].digest.str(), image.name);
}

void read_layers(const Call& call, const ImageLayers& image, LayerOrder order,
                 const LayerReading& options,
                 const std::function<TarHandler&(std::size_t)>& handler) {
  const std::size_t count = image.layers.size();
  const auto number = [&](std::size_t i) {
    return order == LayerOrder::bottom_up ? i : count - 1 - i;
  };
  std::vector<Descriptor> in_order;
  for (std::size_t i = 0; i < count; ++i) in_order.push_back(image.layers[number(i)]);
  BlobsAhead blobs(call, *image.store, std::move(in_order));
  std::atomic<std::uint64_t> inflated = 0;
  const auto open = [&](std::size_t i) -> std::unique_ptr<Reader> {
    if (i == count) return nullptr;
    const auto fetch = [&blobs, i](const Call& inner, Sink& sink) { blobs.fetch(inner, i, sink); };
    return std::make_unique<Reader>(call, tar_of(image, number(i), options, fetch, inflated),
                                    ahead);
  };
  std::vector<std::byte> buffer(piece);
  std::unique_ptr<Reader> current;
  std::unique_ptr<Reader> next = open(0);
  for (std::size_t i = 0; i < count; ++i) {
    current = std::move(next);
    next = open(i + 1);
    const std::size_t layer = number(i);
    const std::string what = layer_name(image, layer);
    Hasher hasher(image.diff_ids[layer].algorithm());
    // Its digest tells whether the archive was cut.
    TarParser parser(handler(layer), what, EndMarks::optional);
    while (const std::size_t n = current->read(buffer)) {
      call.check();
      const Bytes bytes = Bytes(buffer).first(n);
      if (options.compares_diff_ids) hasher.write(bytes);
      parser.write(bytes);
    }
    parser.finish();
    if (options.compares_diff_ids && hasher.finish() != image.diff_ids[layer]) {
      throw Error(ErrorKind::corrupt, fmt::format("{}: its content is not that of diff_id {}", what,
                                                  image.diff_ids[layer].str()));
    }
  }
}

}  // namespace davit::oci
