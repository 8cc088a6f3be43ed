// Feeds a fuzzer the files of the folders named as arguments, as they are and slightly damaged.

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"
#include "oci/base/file.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace davit::tests {
namespace {

void feed(std::string_view bytes) {
  // A buffer of exactly this size, so that a sanitizer sees a read past its end.
  const auto copy = std::make_unique<char[]>(bytes.size());
  std::copy(bytes.begin(), bytes.end(), copy.get());
  try {
    fuzz({copy.get(), bytes.size()});
  } catch (const oci::Error&) {
    return;
  }
}

void feed_with_damage(const std::string& seed) {
  feed(seed);
  // Large seeds get their damage only here and there: a run takes a second, not a minute.
  const std::size_t step = seed.size() / 100 + 1;
  for (std::size_t i = 0; i < seed.size(); i += step) {
    feed(std::string_view(seed).substr(0, i));
    std::string damaged = seed;
    for (const unsigned change : {0x01U, 0x20U, 0x80U}) {
      damaged[i] = static_cast<char>(static_cast<unsigned char>(seed[i]) ^ change);
      feed(damaged);
    }
  }
}

int replay(const std::vector<std::string>& folders) {
  std::size_t seeds = 0;
  for (const std::string& folder : folders) {
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      // Said before, because a fault ends the program.
      std::puts(entry.path().c_str());
      std::fflush(stdout);
      feed_with_damage(oci::read_file(entry.path(), 64 * oci::MiB));
      ++seeds;
    }
  }
  return seeds > 0 ? 0 : 1;
}

}  // namespace
}  // namespace davit::tests

int main(int argc, char** argv) { return davit::tests::replay({argv + 1, argv + argc}); }
