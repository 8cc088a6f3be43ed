#include "transport/aws/signature.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <map>

#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"
#include "oci/base/text.hpp"
#include "oci/model/digest.hpp"

namespace davit::transport::aws {
namespace {

std::string hmac(std::string_view key, std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> out;
  unsigned int size = 0;
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  if (::HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes, text.size(), out.data(),
             &size) == nullptr) {
    throw oci::Error(oci::ErrorKind::failed, "a request could not be signed");
  }
  return std::string(reinterpret_cast<const char*>(out.data()), size);
}

std::string sha256_hex(std::string_view text) {
  return std::string(oci::digest_of(oci::bytes_of(text)).hex());
}

/// Without blanks at the ends, and one where there are several.
std::string trimmed(std::string_view value) {
  std::string result;
  for (const char c : value) {
    const bool blank = c == ' ' || c == '\t';
    if (!blank) {
      result += c;
    } else if (!result.empty() && result.back() != ' ') {
      result += ' ';
    }
  }
  if (result.ends_with(' ')) result.pop_back();
  return result;
}

/// "NAME:VALUE\n" for each name in order, the values of one name joined.
std::map<std::string, std::string> canonical_headers(const Request& request) {
  std::map<std::string, std::string> headers;
  for (const auto& [name, value] : request.headers.fields()) {
    std::string& all = headers[oci::lower_case(name)];
    all += (all.empty() ? "" : ",") + trimmed(value);
  }
  const std::string origin = request.url.origin.str();
  headers["host"] = origin.substr(origin.find("//") + 2);
  return headers;
}

/// The parameters sorted; they are encoded already.
std::string canonical_query(std::string_view query) {
  std::vector<std::string> parameters;
  while (!query.empty()) {
    const auto end = query.find('&');
    std::string parameter(query.substr(0, end));
    if (parameter.find('=') == std::string::npos) parameter += '=';
    parameters.push_back(std::move(parameter));
    query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
  }
  std::sort(parameters.begin(), parameters.end());
  return fmt::format("{}", fmt::join(parameters, "&"));
}

}  // namespace

std::string amz_date(std::chrono::system_clock::time_point now) {
  return fmt::format("{:%Y%m%dT%H%M%SZ}", fmt::gmtime(std::chrono::system_clock::to_time_t(now)));
}

void sign(Request& request, std::string_view payload, const Keys& keys, const SigningScope& scope,
          std::chrono::system_clock::time_point now) {
  const std::string date = amz_date(now);
  request.headers.erase("Authorization");
  request.headers.set("X-Amz-Date", date);
  if (!keys.session_token.empty()) request.headers.set("X-Amz-Security-Token", keys.session_token);

  std::string canonical = fmt::format("{}\n{}\n{}\n", request.method, request.url.path,
                                      canonical_query(request.url.query));
  std::string names;
  for (const auto& [name, value] : canonical_headers(request)) {
    canonical += fmt::format("{}:{}\n", name, value);
    names += (names.empty() ? "" : ";") + name;
  }
  canonical += fmt::format("\n{}\n{}", names, sha256_hex(payload));

  const std::string day = date.substr(0, 8);
  const std::string credential =
      fmt::format("{}/{}/{}/aws4_request", day, scope.region, scope.service);
  const std::string to_sign =
      fmt::format("AWS4-HMAC-SHA256\n{}\n{}\n{}", date, credential, sha256_hex(canonical));
  std::string key = hmac("AWS4" + keys.secret_access_key, day);
  for (const std::string_view part :
       {std::string_view(scope.region), std::string_view(scope.service),
        std::string_view("aws4_request")}) {
    key = hmac(key, part);
  }
  request.headers.set(
      "Authorization",
      fmt::format("AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders={}, Signature={}",
                  keys.access_key_id, credential, names,
                  oci::to_hex(oci::bytes_of(hmac(key, to_sign)))));
}

}  // namespace davit::transport::aws
