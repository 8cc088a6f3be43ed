#include "oci/layer/tar_parser.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace davit::tests {

namespace {

class Nothing final : public oci::TarHandler {
 public:
  void entry(const oci::TarEntry&) override {}
  void data(oci::Bytes) override {}
};

}  // namespace

void fuzz(std::string_view input) {
  Nothing nothing;
  oci::TarParser parser(nothing, "input");
  parser.write(oci::bytes_of(input));
  parser.finish();
}

}  // namespace davit::tests
