#pragma once

#include <array>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/image/image_tree.hpp"

namespace davit::oci {

/// One file, directory or whatever it is of an image, without its data. Paths are "a/b", the root
/// is
/// ".". A hard link has the size, the mode and the content of what it links to.
struct ImageFile {
  TarEntry entry;
  Digest content;  ///< of a file, if contents were hashed
};

/// Whether the contents of files are hashed, for which layers are read a second time. With
/// attributes, the digest is of the extended attributes, too, if there are any: it tells whether
/// two files are the same, but is not that of the content.
enum class Contents { passed_over, hashed, hashed_with_attributes };

/// The files of an image in order of their names, what is in a directory after it.
class ImageFiles {
 public:
  ImageFiles(const Call& call, const ImageLayers& image, const LayerReading& reading,
             Contents contents);

  /// What a path names, and all beneath it. Links on the way are followed inside the image; the
  /// last one is not. Throws Error(not_found). The empty path means all.
  void visit(std::string_view path, const std::function<void(const ImageFile&)>& take) const;

 private:
  ImageTree tree_;
  std::vector<std::array<std::byte, 32>> digests_;  // by the node that has the content
};

/// Writes a file's content; symbolic links are followed inside the image. Throws Error(not_found),
/// Error(usage) if it is no file.
void read_image_file(const Call& call, const ImageLayers& image, const LayerReading& reading,
                     std::string_view path, Sink& to);

}  // namespace davit::oci
