#include <fcntl.h>

#include "oci/layer/unpack.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/support/temp_dir.hpp"

namespace davit::tests {

/// A tar of two layers, cut in the middle of the input: whatever it says, nothing outside changes.
void fuzz(std::string_view input) {
  const TempDir dir;
  std::filesystem::create_directory(dir / "root");
  write_file(dir / "outside", "untouched");
  const auto check = [&] {
    std::size_t entries = 0;
    for (const auto& entry : std::filesystem::directory_iterator(dir.path())) {
      static_cast<void>(entry);
      ++entries;
    }
    require(entries == 2 && oci::read_file(dir / "outside", 100) == "untouched");
  };
  try {
    const oci::RootedTree tree(oci::open_file(dir / "root", O_RDONLY | O_DIRECTORY), "DIR");
    oci::UnpackOptions options;
    options.max_bytes = 64 * oci::KiB;
    options.max_entries = 200;
    oci::Unpacker unpacker(tree, options);
    for (int layer = 0; layer < 2; ++layer) {
      unpacker.begin_layer();
      oci::TarParser parser(unpacker, "input", oci::EndMarks::optional);
      parser.write(oci::bytes_of(input));
      parser.finish();
    }
    unpacker.finish();
  } catch (...) {
    check();
    throw;
  }
  check();
}

}  // namespace davit::tests
