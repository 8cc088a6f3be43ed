#include "oci/image/layer_input.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <memory>
#include <utility>

#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"
#include "oci/base/file.hpp"
#include "oci/layer/tar_parser.hpp"
#include "oci/layer/tree_split.hpp"
#include "oci/model/media_type.hpp"

namespace davit::oci {
namespace {

class AnyEntry final : public TarHandler {
 public:
  void entry(const TarEntry&) override {}
  void data(Bytes) override {}
};

/// A file that is open, and how long it was then.
struct OpenFile {
  std::string name;
  Fd file;
  std::uint64_t size = 0;

  void send(Sink& to) const { send_file(file.get(), 0, size, to, name); }
};

std::shared_ptr<const OpenFile> open_tarball(const std::filesystem::path& path) {
  const auto tarball = std::make_shared<OpenFile>();
  tarball->name = printable(path.native());
  tarball->file = open_file(path, O_RDONLY);
  struct stat status {};
  if (::fstat(tarball->file.get(), &status) != 0) throw errno_error(tarball->name);
  if (!S_ISREG(status.st_mode)) {
    throw Error(ErrorKind::usage, tarball->name + " is not a file", Advice::name_tree);
  }
  tarball->size = static_cast<std::uint64_t>(status.st_size);
  return tarball;
}

}  // namespace

struct TarCheck::State {
  State(Sink& to, std::string_view what) : parser(any, std::string(what)), both(parser, to) {}

  AnyEntry any;
  TarParser parser;
  Tee both;
};

TarCheck::TarCheck(Sink& to, std::string_view what) : state_(std::make_unique<State>(to, what)) {}
TarCheck::~TarCheck() = default;
void TarCheck::write(Bytes bytes) { state_->both.write(bytes); }
void TarCheck::finish() { state_->parser.finish(); }

std::vector<LayerInput> tree_layers(const std::filesystem::path& path, const TreeOptions& options,
                                    std::uint64_t max_size) {
  const std::string name = printable(path.native());
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) throw errno_error(name);
  if (options.destination.empty() && !S_ISDIR(status.st_mode)) {
    throw Error(ErrorKind::usage, name + " is not a directory", Advice::name_tarball);
  }
  std::vector<LayerInput> layers;
  if (max_size > 0 && S_ISDIR(status.st_mode)) {
    for (const auto& part : split_tree(path, {.max_size = max_size, .stop = options.stop})) {
      TreeOptions of_part = options;
      of_part.part = part;
      layers.push_back({.name = name, .tar = tree_source(path, of_part), .compressed = {}});
    }
  }
  if (layers.empty()) {
    layers.push_back({.name = name, .tar = tree_source(path, options), .compressed = {}});
  }
  return layers;
}

LayerInput tarball_layer(const std::filesystem::path& path) {
  const std::shared_ptr<const OpenFile> tarball = open_tarball(path);
  std::array<std::byte, magic_size> magic{};
  const std::size_t n = read_some(tarball->file.get(), magic, tarball->name);
  const Encoding encoding = sniff(Bytes(magic).first(n));
  LayerInput layer{.name = tarball->name, .tar = {}, .compressed = {}};
  layer.tar = [tarball, encoding](BlockWriter& to) {
    TarCheck checked(to, tarball->name);
    const auto decompressor = make_decompressor(encoding, checked, tarball->name);
    tarball->send(*decompressor);
    decompressor->finish();
    checked.finish();
  };
  if (encoding == Encoding::gzip || encoding == Encoding::zstd) {
    layer.compressed = {
        .blob = [tarball](const Call&, Sink& to) { tarball->send(to); },
        .size = tarball->size,
        .media_type = encoding == Encoding::gzip ? media::oci_layer_gzip : media::oci_layer_zstd,
        .encoding = encoding};
  }
  return layer;
}

}  // namespace davit::oci
