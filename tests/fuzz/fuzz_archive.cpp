#include "oci/model/manifest.hpp"
#include "oci/store/archive.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/support/temp_dir.hpp"

namespace davit::tests {

/// An archive of images, an image layout or what docker save wrote: all that its index leads to is
/// what its digest says, or an error.
void fuzz(std::string_view input) {
  const TempDir dir;
  write_file(dir / "input.tar", input);
  const auto archive = oci::open_archive({}, dir / "input.tar", oci::OpenMode::existing);
  for (const std::string& tag : archive->tags({})) {
    const oci::Descriptor root = oci::require({}, *archive, tag);
    const std::string text = oci::fetch_document({}, *archive, root);
    require(oci::digest_of(oci::bytes_of(text), root.digest.algorithm()) == root.digest);
    for (const oci::Descriptor& child :
         oci::children(oci::parse_document(root.media_type, text, "input"))) {
      oci::NullSink nowhere;
      if (archive->has({}, child)) archive->fetch({}, child, nowhere);
    }
  }
}

}  // namespace davit::tests
