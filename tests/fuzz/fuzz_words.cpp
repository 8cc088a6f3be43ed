#include <functional>

#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"
#include "oci/model/digest.hpp"
#include "oci/model/platform.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace davit::tests {

using namespace oci;

/// The small parsers of single words, each over the same input.
void fuzz(std::string_view input) {
  const auto each = [](const std::function<void()>& parse) {
    try {
      parse();
    } catch (const Error&) {
      return;
    }
  };
  const std::string safe = printable(input);
  require(is_utf8(safe) && printable(safe) == safe);
  each([&] { require(Digest::parse(input).str() == input); });
  each([&] { human_size(parse_size(input)); });
  each([&] {
    const std::string bytes = from_base64(input);
    require(from_base64(to_base64(bytes_of(bytes))) == bytes);
  });
  each([&] {
    const Platform platform = Platform::parse(input);
    require(platform.satisfies(platform));
    require(Platform::parse(platform.str()) == platform);
  });
}

}  // namespace davit::tests
