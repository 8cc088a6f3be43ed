#include "transport/http/exchange.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "oci/base/error.hpp"
#include "oci/base/text.hpp"

namespace davit::transport {
namespace {

using oci::Error;
using oci::ErrorKind;

/// Up to this a body is held in memory, which saves the thread that large ones are read by.
constexpr std::uint64_t small_body = 256 * oci::KiB;
constexpr std::size_t piece_size = 512 * oci::KiB;

/// "HTTP/1.1 200 OK"
int parse_status(std::string_view line) {
  const auto space = std::min(line.find(' '), line.size());
  std::string_view digits = oci::trim(line.substr(space)).substr(0, 3);
  return static_cast<int>(oci::take_number(digits).value_or(0));
}

}  // namespace

Outgoing::Outgoing(const oci::Call& call, const Request& request) : call_(call), request_(request) {
  restart();
}

void Outgoing::restart() {
  reader_.reset();
  ready_ = {};
  fetched_ = 0;
  ended_ = !request_.body;
  if (!request_.body || !request_.body->size || *request_.body->size > small_body) return;
  buffer_.clear();
  oci::FunctionSink memory([&](oci::Bytes bytes) {
    fetched_ += bytes.size();
    if (fetched_ > *request_.body->size) check_size();
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  });
  request_.body->content(call_, memory);
  check_size();
  ready_ = buffer_;
  ended_ = true;
}

std::size_t Outgoing::take(std::span<char> into) {
  const std::size_t n = std::min(into.size(), ready_.size());
  if (n == 0) return 0;
  std::memcpy(into.data(), ready_.data(), n);
  ready_ = ready_.subspan(n);
  return n;
}

void Outgoing::fetch() {
  if (ended_ || !ready_.empty()) return;
  if (!reader_) reader_ = std::make_unique<oci::Reader>(call_, request_.body->content);
  buffer_.resize(piece_size);
  const std::size_t n = reader_->read(buffer_);
  ready_ = std::span(buffer_).first(n);
  fetched_ += n;
  const auto& size = request_.body->size;
  if (n == 0) {
    ended_ = true;
  } else if (size && fetched_ >= *size) {
    std::byte more{};
    fetched_ += reader_->read(std::span(&more, 1));
    ended_ = true;
  }
  if (ended_ && size) check_size();
}

void Outgoing::check_size() const {
  if (fetched_ == *request_.body->size) return;
  throw Error(ErrorKind::corrupt,
              fmt::format("the content for {} has {} {} bytes, not {}", request_.url.masked(),
                          fetched_ > *request_.body->size ? "at least" : "only", fetched_,
                          *request_.body->size));
}

void Incoming::header(std::string_view line) {
  header_bytes_ += line.size();
  if (header_bytes_ > header_limit || response_.headers.fields().size() >= field_limit) {
    throw Error(
        ErrorKind::corrupt,
        fmt::format("{} answers with more headers than any server should", request_.url.masked()));
  }
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  // What follows a chunked body is not needed, and must not pass for what came before it.
  if (in_body_) return;
  if (line.starts_with("HTTP/")) {
    response_ = {};
    response_.status = parse_status(line);
    return;
  }
  if (line.empty()) complete_ = response_.status >= 200;
  const auto colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0) return;
  response_.headers.add(std::string(oci::trim(line.substr(0, colon))),
                        std::string(oci::trim(line.substr(colon + 1))));
}

void Incoming::begin_body() {
  if (in_body_) return;
  in_body_ = true;
  response_.url = request_.url;
  if (response_.ok() && into_ != nullptr) response_.declined = !into_->begin(response_);
}

bool Incoming::body(oci::Bytes bytes) {
  begin_body();
  if (response_.declined) return false;
  if (response_.ok() && into_ != nullptr) {
    into_->write(bytes);
    return true;
  }
  const std::uint64_t limit = response_.ok() ? request_.body_limit : failure_limit;
  const std::uint64_t room = limit - response_.body.size();
  if (bytes.size() <= room) {
    response_.body += oci::text_of(bytes);
    return true;
  }
  if (response_.ok()) {
    throw Error(ErrorKind::corrupt,
                fmt::format("{} answers with more than {} bytes", request_.url.masked(), limit));
  }
  response_.body += oci::text_of(bytes.first(room));
  return false;
}

Response Incoming::finish() {
  begin_body();
  return std::move(response_);
}

}  // namespace davit::transport
