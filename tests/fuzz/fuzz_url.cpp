#include "tests/fuzz/fuzz.hpp"
#include "transport/http/url.hpp"

namespace davit::tests {

void fuzz(std::string_view input) {
  const auto url = transport::Url::parse(input);
  require(transport::Url::parse(url.str()).str() == url.str());
}

}  // namespace davit::tests
