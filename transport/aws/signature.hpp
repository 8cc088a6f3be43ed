#pragma once

#include <chrono>
#include <string>

#include "transport/http/message.hpp"

namespace davit::transport::aws {

/// Keys to sign requests with. Never printed or logged.
struct Keys {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;  ///< empty: these are for good

  friend bool operator==(const Keys&, const Keys&) = default;
};

/// What a signature is valid for.
struct SigningScope {
  std::string region;
  std::string service;
};

/// Signature Version 4 of a request whose body is `payload`: sets X-Amz-Date, X-Amz-Security-Token
/// where there is one, and Authorization over all headers that the request has by then, and Host.
/// A pure function of its arguments. (AWS General Reference, "Signing AWS API requests".)
void sign(Request& request, std::string_view payload, const Keys& keys, const SigningScope& scope,
          std::chrono::system_clock::time_point now);

/// "20150830T123600Z"
std::string amz_date(std::chrono::system_clock::time_point now);

}  // namespace davit::transport::aws
