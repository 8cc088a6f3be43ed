#include "oci/base/error.hpp"
#include "oci/model/reference.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace davit::tests {

using namespace oci;

void fuzz(std::string_view input) {
  const Reference reference = Reference::parse(input);
  require(is_registry(reference.registry));
  require(is_repository(reference.repository));
  require(!reference.tag || is_tag(*reference.tag));
  try {
    require(Reference::parse(reference.str()).str() == reference.str());
  } catch (const Error&) {
    require(false);
  }
}

}  // namespace davit::tests
