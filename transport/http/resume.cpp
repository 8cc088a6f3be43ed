#include "transport/http/resume.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "oci/base/error.hpp"
#include "oci/base/text.hpp"

namespace davit::transport {
namespace {

using oci::Error;
using oci::ErrorKind;

bool take(std::string_view& text, std::string_view word) {
  if (!text.starts_with(word)) return false;
  text.remove_prefix(word.size());
  return true;
}

}  // namespace

std::optional<ContentRange> ContentRange::parse(std::string_view text) {
  ContentRange range;
  if (oci::lower_case(text.substr(0, 6)) != "bytes ") return std::nullopt;
  text.remove_prefix(6);
  if (!take(text, "*")) {
    range.first = oci::take_number(text);
    if (!range.first || !take(text, "-")) return std::nullopt;
    const auto last = oci::take_number(text);
    if (!last || *last < *range.first) return std::nullopt;
  }
  if (!take(text, "/")) return std::nullopt;
  if (!take(text, "*")) {
    range.total = oci::take_number(text);
    if (!range.total) return std::nullopt;
  }
  if (!text.empty() || (!range.first && !range.total)) return std::nullopt;
  return range;
}

Request Resume::request() const {
  Request request = request_;
  if (request_.range) {
    request.headers.set("Range", fmt::format("bytes={}-{}", position(), request_.range->end() - 1));
  } else if (taken_ > 0) {
    request.headers.set("Range", fmt::format("bytes={}-", taken_));
  }
  if (taken_ > 0 && !etag_.empty()) request.headers.set("If-Range", etag_);
  return request;
}

bool Resume::begin(const Response& response) {
  skip_ = 0;
  if (taken_ == 0) {
    const std::string etag = response.headers.get("ETag").value_or("");
    // A weak one promises no equal bytes, and is not allowed in If-Range.
    etag_ = etag.starts_with('"') ? etag : "";
    if (!to_.begin(response)) return false;
    if (!request_.range) return true;
  }
  if (response.status != 206 && !request_.range) {
    skip_ = taken_;
    return true;
  }
  const auto range = ContentRange::parse(response.headers.get("Content-Range").value_or(""));
  if (response.status == 206 && range && range->first == position()) return true;
  throw Error(ErrorKind::corrupt, fmt::format("{} answers with another range than the one from {}",
                                              request_.url.masked(), position()));
}

void Resume::write(oci::Bytes bytes) {
  const std::uint64_t known = std::min<std::uint64_t>(skip_, bytes.size());
  skip_ -= known;
  bytes = bytes.subspan(known);
  if (bytes.empty()) return;
  if (request_.range && bytes.size() > request_.range->size - taken_) {
    throw Error(ErrorKind::corrupt, fmt::format("{} answers with more than the {} bytes asked for",
                                                request_.url.masked(), request_.range->size));
  }
  try {
    to_.write(bytes);
  } catch (...) {
    sink_failed_ = true;
    throw;
  }
  taken_ += bytes.size();
}

Response Resume::finish(Response response) const {
  if (response.status == 416 && taken_ > 0) {
    const auto range = ContentRange::parse(response.headers.get("Content-Range").value_or(""));
    if (!range || range->first || range->total != taken_) {
      throw Error(ErrorKind::corrupt, fmt::format("{} does not go on at byte {}, which it promised",
                                                  request_.url.masked(), taken_));
    }
    // The connection broke after the last byte.
    response.status = 200;
    response.body.clear();
  }
  if (response.ok() && skip_ > 0) {
    throw Error(ErrorKind::corrupt,
                fmt::format("{} is now shorter than the {} bytes that came first",
                            request_.url.masked(), taken_));
  }
  if (response.ok() && request_.range && !complete()) {
    throw Error(ErrorKind::corrupt,
                fmt::format("{} answers with {} of the {} bytes asked for", request_.url.masked(),
                            taken_, request_.range->size));
  }
  if (response.status == 206) response.status = 200;
  return response;
}

}  // namespace davit::transport
