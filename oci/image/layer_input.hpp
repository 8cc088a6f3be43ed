#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/base/stream.hpp"
#include "oci/layer/block.hpp"
#include "oci/layer/decompress.hpp"
#include "oci/layer/tree.hpp"

namespace davit::oci {

/// What a layer is made of. It is made where the kind of the source is known, a directory or a
/// tarball, and from there on a layer is a tar, or a blob, and nobody asks for the kind again.
struct LayerInput {
  std::string name;  ///< of the source, for errors
  TarSource tar;     ///< its tar, the same bytes each time
  /// A tarball that is compressed already is sent as it is.
  struct Compressed {
    Content blob;
    std::uint64_t size = 0;
    std::string_view media_type;
    Encoding encoding = Encoding::none;
  };
  std::optional<Compressed> compressed;
  std::string created_by = {};  ///< for the history
};

/// A directory, or a file that is put at `options.destination`. Where its tar would be larger than
/// `max_size` bytes it becomes several layers (split_tree); 0: never. Throws Error(not_found) if it
/// is missing, Error(usage) if it is no directory and has no destination.
std::vector<LayerInput> tree_layers(const std::filesystem::path& path, const TreeOptions& options,
                                    std::uint64_t max_size = 0);

/// A tar, perhaps compressed, which is used as it is written; what is compressed with xz is
/// decompressed, since no layer is. The file is opened once, here. Throws Error(not_found) if it is
/// missing, Error(usage) if it is no file.
LayerInput tarball_layer(const std::filesystem::path& path);

/// Takes any tar and does nothing with it: a tarball is used as it is written, but only if it is
/// one. Writes what it takes into `to` as well. Error(corrupt) for what is no tar.
class TarCheck final : public Sink {
 public:
  TarCheck(Sink& to, std::string_view what);
  ~TarCheck() override;
  void write(Bytes bytes) override;
  void finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace davit::oci
