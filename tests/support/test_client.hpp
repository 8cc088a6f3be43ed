#pragma once

#include <optional>
#include <string>
#include <vector>

namespace davit::tests {

/// A request made with plain libcurl, for tests of what the tests stand on.
struct Call {
  std::string method = "GET";
  std::string url;
  std::vector<std::string> headers = {};  ///< "NAME: VALUE"
  std::optional<std::string> body = std::nullopt;
  std::string ca_file = {};
  std::string client_certificate = {};
  std::string client_key = {};
};

struct Reply {
  int failure = 0;  ///< a CURLcode
  int status = 0;
  std::string head;
  std::string body;

  /// A header field's value; empty if there is none.
  std::string header(const std::string& name) const;
};

/// Follows no redirect, takes what it gets.
Reply fetch(const Call& call);

}  // namespace davit::tests
