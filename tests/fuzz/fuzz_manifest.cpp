#include <string>
#include <variant>

#include "oci/base/error.hpp"
#include "oci/model/manifest.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace davit::tests {
namespace {

using namespace oci;

std::string written(const Document& document) {
  return std::visit([](const auto& view) { return to_json(view); }, document);
}

/// What was read, written and read again is the same.
void read_back(std::string_view came_as, std::string_view bytes) {
  const Document document = parse_document(came_as, bytes, "the document");
  const std::string text = written(document);
  try {
    require(written(parse_document(came_as, text, "the document again")) == text);
  } catch (const Error&) {
    require(false);
  }
  children(document);
  if (const auto* index = std::get_if<Index>(&document)) {
    select_platform(*index, Platform::parse("linux/arm64"), "the index");
  }
}

}  // namespace

void fuzz(std::string_view input) {
  for (const std::string_view came_as :
       {std::string_view(), media::oci_manifest, media::docker_manifest, media::docker_list}) {
    try {
      read_back(came_as, input);
    } catch (const Error&) {
      continue;
    }
  }
}

}  // namespace davit::tests
