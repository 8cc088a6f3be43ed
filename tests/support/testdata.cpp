#include "tests/support/testdata.hpp"

#include "oci/base/file.hpp"

namespace davit::tests {

std::filesystem::path testdata_path() { return DAVIT_TESTDATA; }

std::string testdata(std::string_view name) {
  return oci::read_file(testdata_path() / name, 64 * oci::MiB);
}

}  // namespace davit::tests
