// Holds that all readers of an image agree on random layers; see usage().

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "oci/base/process.hpp"
#include "oci/image/unpack.hpp"
#include "oci/store/layout.hpp"
#include "tests/oci/image/image_trees.hpp"
#include "tests/support/temp_dir.hpp"

namespace davit::tests {
namespace {

namespace fs = std::filesystem;
using namespace oci;

constexpr const char* usage =
    "usage: overlay-property [--seed N] [--count N] [--umoci]\n"
    "Makes random stacks of layers, from a seed on, and says where unpacking them, extracting "
    "their\n"
    "export by tar, and listing them differ. With --umoci, where `umoci raw unpack` differs.\n";

/// The lines that only one of the trees has, in order.
void print_differences(const std::vector<std::string>& ours,
                       const std::vector<std::string>& theirs) {
  std::vector<std::string> lines;
  std::set_difference(ours.begin(), ours.end(), theirs.begin(), theirs.end(),
                      std::back_inserter(lines));
  for (const std::string& line : lines) fmt::print("  davit: {}\n", line);
  lines.clear();
  std::set_difference(theirs.begin(), theirs.end(), ours.begin(), ours.end(),
                      std::back_inserter(lines));
  for (const std::string& line : lines) fmt::print("  umoci: {}\n", line);
}

/// Whether umoci makes the same of it.
bool same_by_umoci(std::uint32_t seed, const fs::path& place) {
  const std::vector<RandomLayer> layers = random_layers(seed);
  const auto store = open_layout({}, place / "layout", OpenMode::create);
  const ImageLayers image = image_of(*store, layers);
  store->tag({}, image.root, content_in(*store, image.root), "1");
  std::string refused;
  try {
    unpack_image({}, image, place / "ours", {});
  } catch (const Error& error) {
    refused = error.what();
  }
  const ProcessResult umoci = run_process(
      {},
      {"umoci", "raw", "unpack", "--image", (place / "layout").native() + ":1", place / "theirs"},
      "");
  bool same = true;
  if (!refused.empty() || umoci.status != 0) {
    same = !refused.empty() && umoci.status != 0;
    if (!same) {
      const std::string said = umoci.errors.substr(0, umoci.errors.find_last_not_of('\n') + 1);
      fmt::print("seed {}\n  davit: {}\n  umoci: {}\n", seed, refused,
                 said.substr(said.rfind('\n') + 1));
    }
  } else {
    const auto ours = tree_of_directory(place / "ours", RootTime::untold);
    const auto theirs = tree_of_directory(place / "theirs", RootTime::untold);
    same = ours == theirs;
    if (!same) {
      fmt::print("seed {}\n", seed);
      print_differences(ours, theirs);
    }
  }
  if (!same) fmt::print("{}", describe(layers));
  return same;
}

int run(int argc, char** argv) {
  std::uint32_t seed = 1;
  std::uint32_t count = 1000;
  bool umoci = false;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--umoci") {
      umoci = true;
    } else if (i + 1 < argc && word == "--seed") {
      seed = static_cast<std::uint32_t>(std::stoul(argv[++i]));
    } else if (i + 1 < argc && word == "--count") {
      count = static_cast<std::uint32_t>(std::stoul(argv[++i]));
    } else {
      std::fputs(usage, stderr);
      return 2;
    }
  }
  std::uint32_t different = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    const TempDir dir;
    if (umoci) {
      different += same_by_umoci(seed + i, dir.path()) ? 0 : 1;
    } else if (const std::string wrong = disagreement(seed + i, dir.path()); !wrong.empty()) {
      fmt::print("{}", wrong);
      ++different;
    }
  }
  fmt::print("seeds {} to {}: {} differ\n", seed, seed + count - 1, different);
  return different == 0 ? 0 : 1;
}

}  // namespace
}  // namespace davit::tests

int main(int argc, char** argv) { return davit::tests::run(argc, argv); }
