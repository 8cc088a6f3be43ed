#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "oci/base/stream.hpp"
#include "oci/model/descriptor.hpp"
#include "transport/http/url.hpp"

namespace davit::transport {

/// Header fields in order; names compare without case.
class Headers {
 public:
  Headers() = default;
  Headers(std::initializer_list<std::pair<std::string, std::string>> fields) : fields_(fields) {}

  void add(std::string name, std::string value);
  /// Replaces all fields of that name.
  void set(std::string name, std::string value);
  void erase(std::string_view name);
  /// The first of that name.
  std::optional<std::string> get(std::string_view name) const;
  std::vector<std::string> all(std::string_view name) const;
  const std::vector<std::pair<std::string, std::string>>& fields() const { return fields_; }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

/// What is sent with a request. It can be produced again for another try.
struct Body {
  oci::Content content;
  std::optional<std::uint64_t> size;  ///< unknown: sent in chunked transfer coding
};

/// Which addresses a host's name may stand for, in order of strictness. It is checked after the
/// resolution, for every connection, so that a name cannot lead where its owner may not.
enum class Addresses {
  any,             ///< a person named the host
  not_link_local,  ///< a server at a private address named it: no link-local, no metadata services
  only_public,     ///< a public server named it: nothing of this machine or this site
};

/// A part of content (RFC 9110, section 14.1.2). The size is not 0.
struct ByteRange {
  std::uint64_t first = 0;
  std::uint64_t size = 0;

  std::uint64_t end() const { return first + size; }
};

struct Request {
  std::string method = "GET";
  Url url;
  Headers headers = {};
  std::optional<Body> body = std::nullopt;

  /// The scopes a bearer token must cover, "repository:NAME:pull" (distribution token
  /// specification). Empty: what the challenge asks for.
  std::vector<std::string> scopes = {};

  /// The content never changes (a blob by its digest): a broken answer may go on with Range.
  bool resumable = false;

  /// Only this part of such content is wanted. An answer of anything else than it is
  /// Error(corrupt); a whole one, from a server that knows no ranges, unless it is declined.
  std::optional<ByteRange> range = std::nullopt;

  /// The answer is a promise that may be made twice without harm: PUT of a manifest, HEAD, GET,
  /// POST of a new upload session. A request with a body that is part of an upload session is
  /// not; its owner starts over.
  bool repeatable = true;

  /// The most bytes of a successful answer's body that are kept when no sink takes them.
  std::uint64_t body_limit = oci::document_limit;

  Addresses addresses = Addresses::any;
};

struct Response {
  int status = 0;
  Headers headers;
  std::string body;  ///< unless a sink took it; at most 64 KiB of a failure
  Url url;           ///< where the answer came from, after redirects
  /// The server's address is none of the public network; false behind a proxy.
  bool private_address = false;
  bool declined = false;  ///< by the receiver, which took nothing of the body
  /// How often it was asked for, by whom the number of tries is up to; 0 if nobody tries again.
  int tries = 0;

  bool ok() const { return status >= 200 && status < 300; }
};

}  // namespace davit::transport
