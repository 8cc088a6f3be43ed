#include "oci/base/stream.hpp"

#include <fmt/format.h>

#include <memory>

#include "oci/base/error.hpp"

namespace davit::oci {

Content content_of(std::string text) {
  // Shared, because a Content is copied freely and a document may be megabytes.
  return [text = std::make_shared<const std::string>(std::move(text))](const Call&, Sink& sink) {
    sink.write(bytes_of(*text));
  };
}

std::string collect(const Call& call, const Content& content, std::uint64_t limit,
                    std::string_view what) {
  StringSink sink(limit, what);
  content(call, sink);
  return std::move(sink.text());
}

void StringSink::write(Bytes bytes) {
  if (bytes.size() > limit_ - text_.size()) {
    throw Error(ErrorKind::corrupt, fmt::format("{} is larger than {} bytes", what_, limit_));
  }
  text_ += text_of(bytes);
}

}  // namespace davit::oci
