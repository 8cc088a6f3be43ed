#include "tests/fuzz/fuzz.hpp"
#include "transport/auth/challenge.hpp"

namespace davit::tests {

void fuzz(std::string_view input) {
  transport::parse_challenges({{"WWW-Authenticate", std::string(input)}});
}

}  // namespace davit::tests
