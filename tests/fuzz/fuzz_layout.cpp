#include "oci/store/layout_index.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace davit::tests {

void fuzz(std::string_view input) {
  const oci::Index index = oci::parse_layout_index(input, "input");
  for (const std::string& tag : oci::entry_tags(index)) oci::find_entry(index, tag, "input");
  oci::find_entry(index, "", "input");
}

}  // namespace davit::tests
