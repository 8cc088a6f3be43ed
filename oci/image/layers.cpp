#include "oci/image/layers.hpp"

#include <fmt/format.h>

#include <array>

#include "oci/base/error.hpp"
#include "oci/base/file.hpp"
#include "oci/layer/decompress.hpp"
#include "oci/layer/tar_parser.hpp"
#include "oci/layer/tree_split.hpp"

namespace davit::oci {
namespace {

/// A tarball is used as it is written, but only if it is one.
class AnyEntry final : public TarHandler {
 public:
  void entry(const TarEntry&) override {}
  void data(Bytes) override {}
};

struct Tarball {
  std::filesystem::path path;
  std::string name;
  Fd file;
  std::uint64_t size = 0;
  Encoding encoding = Encoding::none;
};

Tarball open_tarball(const std::filesystem::path& path) {
  Tarball tarball;
  tarball.path = path;
  tarball.name = printable(path.native());
  tarball.file = open_file(path, O_RDONLY);
  struct stat status {};
  if (::fstat(tarball.file.get(), &status) != 0) throw errno_error(tarball.name);
  if (!S_ISREG(status.st_mode)) {
    throw Error(ErrorKind::usage, tarball.name + " is not a file", Advice::name_tree);
  }
  tarball.size = static_cast<std::uint64_t>(status.st_size);
  std::array<std::byte, magic_size> magic{};
  const std::size_t n = read_some(tarball.file.get(), magic, tarball.name);
  tarball.encoding = sniff(Bytes(magic).first(n));
  return tarball;
}

/// Sends a tarball's uncompressed bytes to a sink, checked to be a tar.
void send_tar(const Tarball& tarball, Sink& to) {
  AnyEntry any;
  TarParser parser(any, tarball.name);
  Tee checked(parser, to);
  const auto decompressor = make_decompressor(tarball.encoding, checked, tarball.name);
  send_file(tarball.file.get(), 0, tarball.size, *decompressor, tarball.name);
  decompressor->finish();
  parser.finish();
}

/// A compressed tarball's digests, both from one pass.
BuiltLayer measure(const Tarball& tarball) {
  Hasher compressed;
  Hasher uncompressed;
  AnyEntry any;
  TarParser parser(any, tarball.name);
  Tee checked(parser, uncompressed);
  const auto decompressor = make_decompressor(tarball.encoding, checked, tarball.name);
  Tee both(compressed, *decompressor);
  send_file(tarball.file.get(), 0, tarball.size, both, tarball.name);
  decompressor->finish();
  parser.finish();
  BuiltLayer layer;
  layer.descriptor.media_type =
      tarball.encoding == Encoding::gzip ? media::oci_layer_gzip : media::oci_layer_zstd;
  layer.descriptor.digest = compressed.finish();
  layer.descriptor.size = tarball.size;
  layer.diff_id = uncompressed.finish();
  return layer;
}

void report(const LayerWork& work, const BlobEvent& event) {
  if (work.progress != nullptr) work.progress->update(event);
}

BuiltLayer send_compressed(const Tarball& tarball, const std::string& id, const LayerWork& work) {
  BlobEvent event{.id = id, .kind = "layer", .state = BlobState::checking, .total = tarball.size};
  report(work, event);
  const BuiltLayer layer = measure(tarball);
  if (work.to.has(layer.descriptor)) {
    event.state = BlobState::exists;
  } else {
    event.state = BlobState::copying;
    work.to.push(layer.descriptor, [&](Sink& sink) {
      ProgressSink reported(sink, work.progress, event);
      send_file(tarball.file.get(), 0, tarball.size, reported, tarball.name);
    });
    event.state = BlobState::done;
    event.bytes = tarball.size;
  }
  report(work, event);
  return layer;
}

/// The layer of the cache with this tar's bytes, if there is one.
std::optional<BuiltLayer> find_cached(const TarSource& tar, const std::string& id,
                                      const LayerWork& work) {
  if (work.cache.empty()) return std::nullopt;
  BlobEvent event{.id = id, .kind = "layer", .state = BlobState::checking, .total = {}};
  report(work, event);
  NullSink nowhere;
  ProgressSink reported(nowhere, work.progress, event);
  const LayerInfo info =
      write_layer(tar, Compression::parse("none"), work.pool, reported, work.stop);
  const auto descriptor =
      work.cache.bring(info, work.to, {.progress = work.progress, .stop = work.stop});
  if (!descriptor) return std::nullopt;
  event.state = BlobState::exists;
  event.bytes = descriptor->size;
  event.total = descriptor->size;
  report(work, event);
  return BuiltLayer{.descriptor = *descriptor,
                    .diff_id = info.diff_id,
                    .comment = compression_note(work.compression)};
}

BuiltLayer compress(const TarSource& tar, const std::string& id, const LayerWork& work) {
  if (const auto cached = find_cached(tar, id, work)) return *cached;
  BlobEvent event{.id = id, .kind = "layer", .state = BlobState::building, .total = {}};
  report(work, event);
  BuiltLayer layer;
  layer.comment = compression_note(work.compression);
  layer.descriptor = work.to.add(work.compression.media_type(), [&](Sink& sink) {
    ProgressSink reported(sink, work.progress, event);
    layer.diff_id = write_layer(tar, work.compression, work.pool, reported, work.stop).diff_id;
  });
  event.state = BlobState::done;
  event.bytes = layer.descriptor.size;
  event.total = layer.descriptor.size;
  report(work, event);
  return layer;
}

}  // namespace

BuiltLayer build_layer(const LayerInput& input, const std::string& id, const LayerWork& work) {
  if (input.kind == LayerInput::Kind::tree) {
    return compress(tree_source(input.path, input.tree), id, work);
  }
  const Tarball tarball = open_tarball(input.path);
  if (tarball.encoding == Encoding::gzip || tarball.encoding == Encoding::zstd) {
    return send_compressed(tarball, id, work);
  }
  return compress([&](BlockWriter& to) { send_tar(tarball, to); }, id, work);
}

std::vector<LayerInput> split_inputs(const std::vector<LayerInput>& inputs,
                                     std::uint64_t max_size) {
  std::vector<LayerInput> all;
  for (const LayerInput& input : inputs) {
    const bool is_tree =
        input.kind == LayerInput::Kind::tree && std::filesystem::is_directory(input.path);
    const auto parts = is_tree
                           ? split_tree(input.path, {.max_size = max_size, .stop = input.tree.stop})
                           : std::vector<std::shared_ptr<const TreePart>>();
    if (parts.empty()) all.push_back(input);
    for (const auto& part : parts) all.emplace_back(input).tree.part = part;
  }
  return all;
}

void check_input(const LayerInput& input) {
  if (input.kind == LayerInput::Kind::tarball) {
    open_tarball(input.path);
    return;
  }
  struct stat status {};
  const std::string name = printable(input.path.native());
  if (::stat(input.path.c_str(), &status) != 0) throw errno_error(name);
  if (input.tree.destination.empty() && !S_ISDIR(status.st_mode)) {
    throw Error(ErrorKind::usage, name + " is not a directory", Advice::name_tarball);
  }
}

}  // namespace davit::oci
