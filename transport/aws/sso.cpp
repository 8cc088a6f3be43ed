#include "transport/aws/sso.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "oci/base/atomic_file.hpp"
#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"
#include "oci/base/times.hpp"
#include "oci/model/digest.hpp"
#include "oci/model/json.hpp"
#include "transport/aws/key_documents.hpp"
#include "transport/aws/partition.hpp"

namespace davit::transport::aws {
namespace {

using oci::Error;
using oci::ErrorKind;
using std::chrono::system_clock;

constexpr std::uint64_t file_limit = 64 * oci::KiB;
constexpr std::chrono::minutes refresh_before{15};
/// A token that is said to be good for longer is asked about again then.
constexpr std::chrono::system_clock::duration longest_life = std::chrono::hours(24 * 365);
constexpr std::string_view what = "the SSO token";

std::string sha1_hex(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> out;
  unsigned int size = 0;
  if (::EVP_Digest(text.data(), text.size(), out.data(), &size, EVP_sha1(), nullptr) != 1) {
    throw Error(ErrorKind::failed, "SHA-1 is not to be had, which names the files of SSO tokens");
  }
  return oci::to_hex(std::as_bytes(std::span(out).first(size)));
}

std::string utc(system_clock::time_point time) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(system_clock::to_time_t(time)));
}

class Sso final : public KeySource {
 public:
  Sso(const World& world, SsoSession session) : world_(world), session_(std::move(session)) {
    const std::string& key = session_.name.empty() ? session_.start_url : session_.name;
    file_ = world.config.directory() / "sso" / "cache" / (sha1_hex(key) + ".json");
  }

  std::optional<std::string> principal() const override {
    // Each login is somebody's: whose it is, its token alone tells.
    std::string login;
    try {
      login = oci::string_member(oci::parse_json(oci::read_file(file_, file_limit), what),
                                 "accessToken", what);
    } catch (const Error&) {
      // That there is no login is for `fetch` to say, should its keys be needed.
    }
    return fmt::format("sso/{}/{}/{} by {}", session_.start_url, session_.account, session_.role,
                       oci::digest_of(oci::bytes_of(login)).hex());
  }

  TimedKeys fetch(const oci::Call& call) override {
    Request request;
    request.url = service("portal.sso", "sso");
    request.url.path += "federation/credentials";
    request.url.add_query("role_name", session_.role);
    request.url.add_query("account_id", session_.account);
    request.headers.set("x-amz-sso_bearer_token", token(call));
    const Response response = world_.aws.send(call, request);
    if (response.status == 401) throw expired();
    if (!response.ok()) {
      throw Error(response.status >= 500 ? ErrorKind::unavailable : ErrorKind::denied,
                  fmt::format("SSO gives no keys for role {} in account {}: {} answered {}",
                              oci::printable(session_.role), oci::printable(session_.account),
                              response.url.origin.host, response.status));
    }
    return parse(response.body);
  }

 private:
  TimedKeys parse(const std::string& body) const {
    TimedKeys keys;
    try {
      const oci::Json json = oci::parse_json(body, "SSO");
      const oci::Json& role = oci::object_member(json, "roleCredentials", "SSO");
      keys.keys.access_key_id = oci::string_member(role, "accessKeyId", "SSO");
      keys.keys.secret_access_key = oci::string_member(role, "secretAccessKey", "SSO");
      keys.keys.session_token = oci::string_member(role, "sessionToken", "SSO");
      keys.expires = oci::time_of_milliseconds(oci::size_member(role, "expiration", "SSO"));
    } catch (const Error&) {
      keys = {};
    }
    if (keys.keys.access_key_id.empty() || keys.keys.secret_access_key.empty()) {
      throw Error(ErrorKind::denied, "SSO gave what are no keys");
    }
    return keys;
  }

  Error expired() const {
    return {ErrorKind::denied,
            fmt::format("the SSO session of profile '{}' has expired, or there is none",
                        oci::printable(world_.config.profile())),
            fmt::format("aws sso login --profile {}", world_.config.profile())};
  }

  Url service(std::string_view host, const std::string& name) const {
    if (const auto url = world_.config.endpoint(name)) return Url::parse(*url);
    return Url::parse(fmt::format("https://{}.{}.{}/", host, session_.region,
                                  partition_of(session_.region).suffix));
  }

  std::string token(const oci::Call& call) const {
    oci::Json cached;
    try {
      cached = oci::parse_json(oci::read_file(file_, file_limit), what);
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::not_found || error.kind() == ErrorKind::corrupt) {
        throw expired();
      }
      throw;
    }
    const auto expires = parse_time(oci::string_member(cached, "expiresAt", what));
    const std::string token = oci::string_member(cached, "accessToken", what);
    if (!expires || token.empty()) throw expired();
    const auto now = world_.now();
    if (now + refresh_before < *expires) return token;
    if (const auto fresh = refresh(call, cached)) return *fresh;
    if (now >= *expires) throw expired();
    return token;
  }

  /// Nothing where the token came without what it takes, or the service does not want to.
  std::optional<std::string> refresh(const oci::Call& call, oci::Json cached) const {
    if (session_.name.empty()) return std::nullopt;
    oci::Json form{{"grantType", "refresh_token"}};
    for (const char* key : {"clientId", "clientSecret", "refreshToken"}) {
      form[key] = oci::string_member(cached, key, what);
      if (form[key].string().empty()) return std::nullopt;
    }
    const std::string text = oci::to_text(form);
    Request request;
    request.method = "POST";
    request.url = service("oidc", "sso-oidc");
    request.url.path += "token";
    request.headers.set("Content-Type", "application/json");
    request.body = Body{oci::content_of(text), text.size()};
    const Response response = world_.aws.send(call, request);
    if (!response.ok()) return std::nullopt;
    try {
      const oci::Json json = oci::parse_json(response.body, what);
      const std::string token = oci::string_member(json, "accessToken", what);
      if (token.empty()) return std::nullopt;
      cached["accessToken"] = token;
      cached["expiresAt"] =
          utc(world_.now() +
              std::min(oci::time_of(oci::size_member(json, "expiresIn", what)).time_since_epoch(),
                       longest_life));
      if (const std::string next = oci::string_member(json, "refreshToken", what); !next.empty()) {
        cached["refreshToken"] = next;
      }
      oci::AtomicFile file(file_, 0600);
      file.write(oci::bytes_of(oci::to_text(cached)));
      file.commit();
      return token;
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::corrupt) throw;
      return std::nullopt;
    }
  }

  const World world_;
  const SsoSession session_;
  std::filesystem::path file_;
};

}  // namespace

std::unique_ptr<KeySource> make_sso(const World& world, SsoSession session) {
  return std::make_unique<Sso>(world, std::move(session));
}

}  // namespace davit::transport::aws
