#include "tests/fuzz/fuzz.hpp"
#include "transport/aws/config.hpp"
#include "transport/aws/key_documents.hpp"
#include "transport/ecr/access.hpp"
#include "transport/ecr/host.hpp"

namespace davit::tests {

/// What AWS's files, answers and names are read by, all on the same input.
void fuzz(std::string_view input) {
  using namespace transport::aws;
  parse_ini(input);
  transport::ecr::parse_host(input);
  parse_time(input);
  transport::ecr::password_expires(input);
  xml_text(input, "AccessKeyId");
  try {
    parse_sts_keys(input, "input");
  } catch (const oci::Error&) {
    // The next reader has its turn.
  }
  parse_keys(input, "input");
}

}  // namespace davit::tests
