#include "oci/store/store.hpp"

#include <fmt/format.h>

namespace davit::oci {

std::string fetch_document(const Call& call, Store& store, const Descriptor& descriptor) {
  const std::string what = fmt::format("{}@{}", store.name(), descriptor.digest.str());
  if (descriptor.size > document_limit) {
    throw Error(ErrorKind::corrupt,
                fmt::format("{}: a document of {} bytes is larger than the {} allowed", what,
                            descriptor.size, document_limit));
  }
  return collect(call, content_in(store, descriptor), document_limit, what);
}

Descriptor require(const Call& call, Store& store, std::string_view tag_or_digest) {
  if (auto found = store.resolve(call, tag_or_digest)) return *found;
  const char separator = tag_or_digest.find(':') == std::string_view::npos ? ':' : '@';
  throw Error(ErrorKind::not_found,
              fmt::format("{}{}{} does not exist", store.name(), separator, tag_or_digest));
}

}  // namespace davit::oci
