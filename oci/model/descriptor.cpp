#include "oci/model/descriptor.hpp"

#include <fmt/format.h>

#include "oci/base/error.hpp"

namespace davit::oci {

Verifier::Verifier(const Descriptor& expected, Sink& to)
    : digest_(expected.digest),
      size_(expected.size),
      to_(to),
      hasher_(expected.digest.algorithm()) {}

void Verifier::write(Bytes bytes) {
  seen_ += bytes.size();
  if (seen_ > size_) {
    throw Error(ErrorKind::corrupt,
                fmt::format("{} is longer than the {} bytes promised", digest_.str(), size_));
  }
  hasher_.write(bytes);
  to_.write(bytes);
}

void Verifier::finish() {
  if (seen_ != size_) {
    throw Error(ErrorKind::corrupt,
                fmt::format("{} ends after {} of {} bytes", digest_.str(), seen_, size_));
  }
  const Digest actual = hasher_.finish();
  if (actual != digest_) {
    throw Error(ErrorKind::corrupt,
                fmt::format("content has digest {}, not {}", actual.str(), digest_.str()));
  }
}

Descriptor describe(std::string_view media_type, std::string_view bytes) {
  return {.media_type = std::string(media_type),
          .digest = digest_of(bytes_of(bytes)),
          .size = bytes.size()};
}

}  // namespace davit::oci
