#include "oci/image/layer_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "oci/layer/tar_writer.hpp"
#include "oci/layer/zstd.hpp"
#include "oci/store/memory.hpp"
#include "tests/support/errors.hpp"

namespace davit::oci {
namespace {

using testing::ElementsAre;
using tests::kind_of;

/// The names that are read, a layer's after its number.
struct Names final : TarHandler {
  void entry(const TarEntry& entry) override { names.push_back(entry.path); }
  void data(Bytes) override {}
  std::vector<std::string> names;
};

class LayerReader : public testing::Test {
 protected:
  LayerReader() {
    image.store = store.get();
    image.name = "the image";
  }

  static std::string tar(const std::string& name, std::uint64_t zeros = 0) {
    std::string text;
    BlockPool pool(2);
    BlockWriter blocks(pool, [&](const Block& block) { text.append(text_of(Bytes(*block))); });
    TarWriter writer(blocks);
    TarEntry entry;
    entry.path = name;
    entry.mode = 0644;
    entry.size = zeros;
    writer.entry(entry);
    writer.write(bytes_of(std::string(zeros, '\0')));
    writer.finish();
    blocks.finish();
    return text;
  }

  static Digest digest_of(const std::string& text) {
    Hasher hasher;
    hasher.write(bytes_of(text));
    return hasher.finish();
  }

  void add(const std::string& tar, const std::string& stored) {
    image.layers.push_back(store->add({}, media::oci_layer_zstd, content_of(stored)));
    image.diff_ids.push_back(digest_of(tar));
  }

  static std::string zstd(const std::string& text) {
    std::string out;
    FunctionSink append([&](Bytes bytes) { out.append(text_of(bytes)); });
    ZstdWriter writer(3, 1, append);
    writer.write(bytes_of(text));
    writer.finish();
    return out;
  }

  void read(LayerOrder order = LayerOrder::bottom_up, const LayerReading& options = {},
            const Call& call = {}) {
    read_layers(call, image, order, options, [&](std::size_t layer) -> TarHandler& {
      names.names.push_back(std::to_string(layer));
      return names;
    });
  }

  const std::unique_ptr<Store> store = make_memory_store("memory");
  ImageLayers image;
  Names names;
};

TEST_F(LayerReader, ReadsLayersInEitherOrderHoweverTheyAreStored) {
  add(tar("a"), tar("a"));
  add(tar("b"), zstd(tar("b")));
  read();
  EXPECT_THAT(names.names, ElementsAre("0", "a", "1", "b"));
  names.names.clear();
  read(LayerOrder::top_down);
  EXPECT_THAT(names.names, ElementsAre("1", "b", "0", "a"));
}

TEST_F(LayerReader, ComparesTheContentWithItsDiffId) {
  add(tar("a"), tar("b"));
  EXPECT_EQ(kind_of([&] { read(); }), ErrorKind::corrupt);
}

TEST_F(LayerReader, EndsWithALayerThatIsMissing) {
  add(tar("a"), tar("a"));
  add(tar("b"), tar("b"));
  image.layers[1].digest = digest_of("absent");
  EXPECT_EQ(kind_of([&] { read(); }), ErrorKind::not_found);
}

TEST_F(LayerReader, RefusesLayersThatInflateToMoreThanTheirLimit) {
  const std::string large = tar("a", 8 * MiB);
  add(large, zstd(large));
  add(large, zstd(large));
  LayerReading options;
  options.max_bytes = 15 * MiB;
  EXPECT_EQ(kind_of([&] { read(LayerOrder::bottom_up, options); }), ErrorKind::refused);
  options.max_bytes = 2 * large.size();
  read(LayerOrder::bottom_up, options);
}

TEST_F(LayerReader, StopsAtOnce) {
  add(tar("a"), tar("a"));
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(kind_of([&] { read(LayerOrder::bottom_up, {}, {.stop = stop.get_token()}); }),
            ErrorKind::interrupted);
}

}  // namespace
}  // namespace davit::oci
