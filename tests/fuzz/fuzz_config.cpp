#include "oci/base/error.hpp"
#include "oci/model/config.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace davit::tests {

using namespace oci;

void fuzz(std::string_view input) {
  ConfigChanges changes;
  changes.platform = Platform::parse("linux/amd64");
  changes.created = "2024-05-01T00:00:00Z";
  changes.env = {"PATH=/bin"};
  changes.entrypoint = {"/app"};
  changes.labels = {{"a", "b"}};
  changes.layers = {{.diff_id = digest_of(bytes_of(input)), .created_by = "fuzz"}};
  const std::string derived = derive_config(input, changes);
  require(derived == derive_config(input, changes));

  // What is a config stays one, with a layer more.
  const ImageConfig base = parse_config(input, "the base");
  try {
    const ImageConfig config = parse_config(derived, "the derived config");
    require(config.diff_ids.size() == base.diff_ids.size() + 1);
    require(config.history.size() >= base.history.size() + 1);
    require(config.labels.at("a") == "b");
  } catch (const Error&) {
    require(false);
  }
}

}  // namespace davit::tests
