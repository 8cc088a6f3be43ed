#include "transport/ecr/token_file.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>

#include "oci/base/atomic_file.hpp"
#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"
#include "oci/base/file.hpp"
#include "oci/base/file_lock.hpp"
#include "oci/base/log.hpp"
#include "oci/base/times.hpp"
#include "oci/model/digest.hpp"
#include "oci/model/json.hpp"

namespace davit::transport::ecr {
namespace {

using oci::Error;
using oci::ErrorKind;
using std::chrono::system_clock;

constexpr std::uint64_t file_limit = 64 * oci::KiB;
constexpr std::chrono::hours renew_before{1};
constexpr std::chrono::minutes least_age{1};
constexpr std::string_view what = "a cached token";

std::string file_name(const std::string& key) {
  return std::string(oci::digest_of(oci::bytes_of(key)).hex()) + ".json";
}

std::uint64_t seconds(system_clock::time_point time) {
  return static_cast<std::uint64_t>(system_clock::to_time_t(time));
}

}  // namespace

AuthorizationToken TokenFiles::get(const oci::Call& call, const std::string& key,
                                   const Fetch& fetch) {
  const std::lock_guard guard(mutex_);
  if (const auto known = known_.find(key); known != known_.end() && is_fresh(known->second.token)) {
    return known->second.token;
  }
  const bool shared = make_directory();
  const std::filesystem::path file = directory_ / file_name(key);
  std::optional<AuthorizationToken> found = shared ? read(file) : std::nullopt;
  if (found && is_fresh(*found)) return (known_[key] = {*found}).token;

  std::optional<oci::FileLock> lock;
  if (shared) {
    lock.emplace(call, std::filesystem::path(file).replace_extension("lock"));
    // Whoever had the lock may have fetched it.
    found = read(file);
    if (found && is_fresh(*found)) return (known_[key] = {*found}).token;
  }
  try {
    known_[key] = {fetch(), true};
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::unavailable || !found || found->expires <= now_()) throw;
    oci::log(oci::LogLevel::info, fmt::format("{}; the token at hand is still good", error.what()));
    return *found;
  }
  const AuthorizationToken& token = known_[key].token;
  if (shared) write(file, token);
  return token;
}

void TokenFiles::drop(const std::string& key, const Test& is_refused) {
  const std::lock_guard guard(mutex_);
  if (const auto known = known_.find(key);
      known != known_.end() && is_refused(known->second.token)) {
    if (known->second.fetched && now_() - known->second.token.fetched < least_age) return;
    known_.erase(known);
  }
  // Another process may have replaced it: that one is new, and stays. Should it come in between,
  // there is a token to fetch more, and no harm.
  const std::filesystem::path file = directory_ / file_name(key);
  const auto kept = read(file);
  if (!kept || !is_refused(*kept)) return;
  oci::log(oci::LogLevel::info, "the token that was kept is refused; asking for another");
  std::error_code error;
  if (!std::filesystem::remove(file, error) && error) {
    oci::log(oci::LogLevel::warning, fmt::format("{} holds a token that is refused, and cannot be "
                                                 "removed: {}",
                                                 oci::printable(file.native()), error.message()));
  }
}

bool TokenFiles::is_fresh(const AuthorizationToken& token) const {
  const auto life = token.expires - token.fetched;
  const auto before = std::min<system_clock::duration>(renew_before, life / 4);
  return now_() + before < token.expires;
}

bool TokenFiles::make_directory() const {
  std::error_code error;
  std::filesystem::create_directories(directory_, error);
  if (error || ::chmod(directory_.c_str(), 0700) != 0) {
    oci::log(oci::LogLevel::info, fmt::format("tokens are not kept: {} cannot be made",
                                              oci::printable(directory_.native())));
    return false;
  }
  return ::access(directory_.c_str(), W_OK) == 0;
}

std::optional<AuthorizationToken> TokenFiles::read(const std::filesystem::path& file) const {
  try {
    const oci::Json json = oci::parse_json(oci::read_file(file, file_limit), what);
    AuthorizationToken token;
    token.token = oci::string_member(json, "token", what);
    token.fetched = oci::time_of(oci::size_member(json, "fetched", what));
    token.expires = oci::time_of(oci::size_member(json, "expires", what));
    if (token.token.empty()) return std::nullopt;
    return token;
  } catch (const Error&) {
    // It is but a cache: what is missing or spoilt is fetched.
    return std::nullopt;
  }
}

void TokenFiles::write(const std::filesystem::path& file, const AuthorizationToken& token) const {
  const oci::Json json{{"token", token.token},
                       {"fetched", seconds(token.fetched)},
                       {"expires", seconds(token.expires)}};
  try {
    oci::AtomicFile out(file, 0600);
    out.write(oci::bytes_of(oci::to_text(json)));
    out.commit();
  } catch (const Error& error) {
    oci::log(oci::LogLevel::info, fmt::format("the token is not kept: {}", error.what()));
  }
}

}  // namespace davit::transport::ecr
