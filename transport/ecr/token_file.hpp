#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "transport/aws/keys.hpp"

namespace davit::transport::ecr {

/// What GetAuthorizationToken gives.
struct AuthorizationToken {
  std::string token;  ///< base64 of USER:PASSWORD
  std::chrono::system_clock::time_point fetched;
  std::chrono::system_clock::time_point expires;
};

/// Authorization tokens that processes share: a file each, mode 0600, below one directory. One
/// process at a time fetches a token, and the others wait for it. Safe for many threads.
class TokenFiles {
 public:
  using Fetch = std::function<AuthorizationToken()>;

  TokenFiles(std::filesystem::path directory, aws::WallClock now)
      : directory_(std::move(directory)), now_(std::move(now)) {}

  /// A token that is kept under `key`, or a new one where there is none or it has used up three
  /// quarters of its life (but the last hour is enough for long-lived ones). If that fails, the
  /// old one as long as it is good. Where files cannot be written it is kept by this object alone.
  AuthorizationToken get(const oci::Call& call, const std::string& key, const Fetch& fetch);

  /// Forgets the token under `key`, for other processes too, if it is the one that a registry has
  /// refused, so that the next `get` fetches another. One that this object has fetched less than a
  /// minute ago stays: a newer one would be refused like it, for another reason.
  using Test = std::function<bool(const AuthorizationToken&)>;
  void drop(const std::string& key, const Test& is_refused);

 private:
  /// A token, and whether it comes from the service rather than from a file.
  struct Known {
    AuthorizationToken token;
    bool fetched = false;
  };

  std::optional<AuthorizationToken> read(const std::filesystem::path& file) const;
  void write(const std::filesystem::path& file, const AuthorizationToken& token) const;
  bool is_fresh(const AuthorizationToken& token) const;
  bool make_directory() const;

  const std::filesystem::path directory_;
  const aws::WallClock now_;
  std::mutex mutex_;
  std::map<std::string, Known> known_;
};

}  // namespace davit::transport::ecr
