#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "oci/image/image_files.hpp"

namespace davit::oci {

enum class ChangeKind { removed, changed, added };

/// A path of which two images have different things, or only one has any.
struct FileChange {
  std::string path;
  std::uint64_t before = 0;  ///< the size; 0 where there is none
  std::uint64_t after = 0;
};

/// How the files of two images differ: contents, kinds, modes, owners, times, links and extended
/// attributes. A directory's time is not looked at: it says when names came and went, which is
/// listed anyway. The first image is kept as some 50 bytes for each file, the second as ImageFiles.
class Difference {
 public:
  Difference(const Call& call, const ImageLayers& before, const ImageLayers& after,
             const LayerReading& reading);

  /// The changes of a kind in order of names.
  void visit(ChangeKind kind, const std::function<void(const FileChange&)>& take) const;

 private:
  std::string before_;
  ImageFiles after_;
};

}  // namespace davit::oci
