#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "oci/model/json.hpp"
#include "transport/ecr/access.hpp"
#include "transport/ecr/host.hpp"

namespace davit::transport::ecr {

/// The API of one registry for one call, with JSON. Answers of other shapes than AWS documents are
/// Error(corrupt). `access` outlives it.
class Calls {
 public:
  Calls(const oci::Call& call, Access& access, Host host)
      : call_(call), service_(access.service(host)), host_(std::move(host)) {}

  const Host& host() const { return host_; }

  /// Throws the service's error with `what` in front.
  oci::Json call(std::string_view operation, oci::Json input, std::string_view what);
  /// Nothing where the service answers with the error `absent`.
  std::optional<oci::Json> find(std::string_view operation, oci::Json input,
                                std::string_view absent, std::string_view what);
  /// The elements of the array `key` of all pages, one after the other.
  oci::Json pages(std::string_view operation, oci::Json input, std::string_view key,
                  std::string_view what);

 private:
  oci::Json complete(oci::Json input) const;

  const oci::Call call_;
  aws::Service& service_;
  const Host host_;
};

/// A number as AWS writes times (seconds since 1970, perhaps with a fraction), sizes and counts; 0
/// if there is none that makes sense.
std::int64_t number_member(const oci::Json& object, std::string_view key);
bool flag_member(const oci::Json& object, std::string_view key);
std::vector<std::string> texts_member(const oci::Json& object, std::string_view key,
                                      std::string_view what);

}  // namespace davit::transport::ecr
