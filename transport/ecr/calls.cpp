#include "transport/ecr/calls.hpp"

#include <fmt/format.h>

#include "oci/base/error.hpp"

namespace davit::transport::ecr {
namespace {

/// A server that never comes to an end is not followed for ever: 10,000 pages of 1,000.
constexpr int page_limit = 10'000;
constexpr int page_size = 1000;

}  // namespace

oci::Json Calls::complete(oci::Json input) const {
  if (!host_.account.empty()) input["registryId"] = host_.account;
  return input;
}

oci::Json Calls::call(std::string_view operation, oci::Json input, std::string_view what) {
  return oci::parse_json(
      service_.require(call_, operation, oci::to_text(complete(std::move(input))), what), what);
}

std::optional<oci::Json> Calls::find(std::string_view operation, oci::Json input,
                                     std::string_view absent, std::string_view what) {
  const auto reply = service_.call(call_, operation, oci::to_text(complete(std::move(input))));
  if (reply.code == absent) return std::nullopt;
  if (!reply.ok()) throw aws::service_error(reply, what);
  return oci::parse_json(reply.body, what);
}

oci::Json Calls::pages(std::string_view operation, oci::Json input, std::string_view key,
                       std::string_view what) {
  oci::Json all = oci::Json::array();
  input["maxResults"] = page_size;
  for (int page = 0; page < page_limit; ++page) {
    const oci::Json answer = call(operation, input, what);
    for (const oci::Json& element : oci::array_member(answer, key, what)) {
      if (!element.is_object()) {
        throw oci::Error(oci::ErrorKind::corrupt, fmt::format("{}: '{}' is malformed", what, key));
      }
      all.push_back(element);
    }
    const std::string next = oci::string_member(answer, "nextToken", what);
    if (next.empty()) return all;
    input["nextToken"] = next;
  }
  throw oci::Error(oci::ErrorKind::failed, fmt::format("{}: the list has no end", what));
}

std::int64_t number_member(const oci::Json& object, std::string_view key) {
  constexpr double greatest = 1e15;
  const oci::Json* found = object.find(key);
  if (found == nullptr || !found->is_number()) return 0;
  const double value = found->number();
  return value > 0 && value < greatest ? static_cast<std::int64_t>(value) : 0;
}

bool flag_member(const oci::Json& object, std::string_view key) {
  const oci::Json* found = object.find(key);
  return found != nullptr && found->is_true();
}

std::vector<std::string> texts_member(const oci::Json& object, std::string_view key,
                                      std::string_view what) {
  std::vector<std::string> texts;
  for (const oci::Json& text : oci::array_member(object, key, what)) {
    if (text.is_string()) texts.push_back(text.string());
  }
  return texts;
}

}  // namespace davit::transport::ecr
