#include <cstddef>
#include <cstdint>
#include <string_view>

#include "oci/base/error.hpp"
#include "tests/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    davit::tests::fuzz({reinterpret_cast<const char*>(data), size});
  } catch (const davit::oci::Error&) {
    return 0;
  }
  return 0;
}
