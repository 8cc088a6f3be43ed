#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "oci/image/layer_reader.hpp"

namespace davit::oci {

/// An image's files as they are in the end: all layers as one tree, each entry that is still there
/// once, with its data. Read from the top, so that what an upper layer hides is passed over; a
/// layer is read a second time only for the data of a file whose first name an upper layer took
/// away while another name stayed. The order is that of the layers from the top, hard links to
/// what comes later last. Paths are cleaned: "a/b", the root is ".". Memory: about 100 bytes for
/// each entry.
///
/// What a layer puts beneath a symbolic link of a lower one stays where the layer says.
void flatten(const ImageLayers& image, const LayerReading& reading, TarHandler& to);

/// One entry of the flattened tree, without its data.
struct ImageFile {
  TarEntry entry;
  Digest content;  ///< of a file, if contents were hashed
};

/// Whether the contents of files are hashed, which takes as long as all the rest.
enum class Contents { hashed, passed_over };

/// All entries by path. Hard links have the target's content digest, size and mode.
std::map<std::string, ImageFile> list_files(const ImageLayers& image, const LayerReading& reading,
                                            Contents contents = Contents::hashed);

/// Writes a file's content; symbolic links are followed inside the image. Throws Error(not_found),
/// Error(usage) if it is no file.
void read_image_file(const ImageLayers& image, const LayerReading& reading, const std::string& path,
                     Sink& to);

/// The flattened tree as a tar.
void export_tar(const ImageLayers& image, const LayerReading& reading, Sink& to);

}  // namespace davit::oci
