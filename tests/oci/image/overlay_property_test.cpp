#include <gtest/gtest.h>

#include "tests/oci/image/image_trees.hpp"
#include "tests/support/temp_dir.hpp"

namespace davit::tests {
namespace {

// overlay-property does the same for as many seeds as one likes.
TEST(OverlayProperty, UnpackingExportingAndListingAgreeOnRandomLayers) {
  const TempDir dir;
  for (std::uint32_t seed = 1; seed <= 200; ++seed) {
    ASSERT_EQ(disagreement(seed, dir.path()), "");
  }
}

}  // namespace
}  // namespace davit::tests
