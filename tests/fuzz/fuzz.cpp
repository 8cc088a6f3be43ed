#include "tests/fuzz/fuzz.hpp"

#include <cstdlib>

namespace davit::tests {

void require(bool promise) {
  if (!promise) std::abort();
}

}  // namespace davit::tests
