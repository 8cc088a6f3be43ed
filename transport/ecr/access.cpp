#include "transport/ecr/access.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"
#include "oci/base/log.hpp"
#include "oci/base/times.hpp"
#include "oci/model/json.hpp"
#include "transport/ecr/endpoint.hpp"
#include "transport/http/trace.hpp"

namespace davit::transport::ecr {
namespace {

using oci::Error;
using oci::ErrorKind;
using std::chrono::system_clock;

/// The services of this machine answer at once or not at all, and no proxy leads to them.
constexpr std::chrono::milliseconds metadata_time{2000};

/// Seconds since 1970 that a clock can still say.
constexpr double latest_expiry = 9e9;

CurlOptions metadata_options(CurlOptions options) {
  options.proxies = {};
  options.connect_time = metadata_time;
  options.stall_time = metadata_time;
  return options;
}

CurlOptions service_options(CurlOptions options, const aws::Config& config) {
  if (const auto bundle = config.choose("AWS_CA_BUNDLE", "ca_bundle");
      bundle && options.ca_file.empty()) {
    options.ca_file = *bundle;
  }
  return options;
}

RetryOptions service_retries(RetryOptions options, const aws::Config& config) {
  options.greatest_delay = std::chrono::seconds(20);
  const std::string attempts = config.choose("AWS_MAX_ATTEMPTS", "max_attempts").value_or("");
  if (!attempts.empty() && attempts.size() < 3 &&
      attempts.find_first_not_of("0123456789") == std::string::npos) {
    options.retries = std::max(1, std::stoi(attempts)) - 1;
  }
  return options;
}

std::filesystem::path cache_directory(const aws::Config& config) {
  const auto cache = config.environment("XDG_CACHE_HOME");
  const std::filesystem::path base =
      cache ? std::filesystem::path(*cache)
            : std::filesystem::path(config.environment("HOME").value_or("/")) / ".cache";
  return base / "davit" / "ecr";
}

AuthorizationToken parse_token(const std::string& body, const Host& host, std::string_view what) {
  const oci::Json json = oci::parse_json(body, what);
  oci::Json data;
  if (host.is_public) {
    data = oci::object_member(json, "authorizationData", what);
  } else {
    const oci::Json& all = oci::array_member(json, "authorizationData", what);
    if (!all.empty()) data = all[0];
  }
  AuthorizationToken token;
  const oci::Json* found = data.find("expiresAt");
  const double expires = found != nullptr && found->is_number() ? found->number() : 0;
  if (!(expires > 0 && expires < latest_expiry)) {
    throw Error(ErrorKind::corrupt, fmt::format("{}: there is no token in the answer", what));
  }
  token.token = oci::string_member(data, "authorizationToken", what);
  token.expires = system_clock::time_point(
      std::chrono::milliseconds(static_cast<std::int64_t>(expires * 1000)));
  return token;
}

Credentials credentials_of(const std::string& token, std::string_view what) {
  const std::string pair = oci::doing(what, [&] { return oci::from_base64(token); });
  const auto colon = pair.find(':');
  if (colon == std::string::npos || colon == 0 || colon + 1 == pair.size()) {
    throw Error(ErrorKind::corrupt, fmt::format("{}: the token is not USER:PASSWORD", what));
  }
  Credentials credentials;
  credentials.username = pair.substr(0, colon);
  credentials.password = pair.substr(colon + 1);
  return credentials;
}

std::string token_of(const Host& host) {
  return fmt::format("getting a token for {} in {}", host.is_public ? "ECR Public" : "ECR",
                     host.region);
}

}  // namespace

struct Access::State {
  explicit State(const AccessOptions& options)
      : config(options.environment, options.profile),
        curl(options.connect(service_options(options.curl, config))),
        transport(make_trace(*curl)),
        metadata_curl(options.connect(metadata_options(options.curl))),
        metadata(make_trace(*metadata_curl)),
        world{config, *transport, *metadata, options.now},
        keys(aws::choose_keys(world), options.now),
        retry(service_retries(options.retry, config)),
        tokens(cache_directory(config), options.now) {}

  aws::Config config;
  std::unique_ptr<Transport> curl;
  std::unique_ptr<Transport> transport;
  std::unique_ptr<Transport> metadata_curl;
  std::unique_ptr<Transport> metadata;
  aws::World world;
  aws::KeyRing keys;
  RetryOptions retry;
  TokenFiles tokens;
  std::mutex mutex;
  std::map<std::string, std::unique_ptr<aws::Service>> services;  // by endpoint and region
};

Access::Access(AccessOptions options) : options_(std::move(options)) {}
Access::~Access() = default;

Access::State& Access::state() {
  const std::lock_guard lock(mutex_);
  if (!state_) state_ = std::make_unique<State>(options_);
  return *state_;
}

bool Access::has_configured_keys() { return state().keys.is_configured(); }

std::string Access::region() { return state().config.region(); }

aws::Service& Access::service(const Host& host) {
  State& own = state();
  aws::ServiceEndpoint endpoint = api_endpoint(host, own.config);
  const std::string name = endpoint.url.str() + " " + endpoint.scope.region;
  const std::lock_guard lock(own.mutex);
  std::unique_ptr<aws::Service>& service = own.services[name];
  if (!service) {
    service = std::make_unique<aws::Service>(std::move(endpoint), own.keys, *own.transport,
                                             own.retry, options_.now);
  }
  return *service;
}

/// One token serves all registries of a region, but only whom it was made for.
std::string Access::token_key(const oci::Call& call, const Host& host) {
  return fmt::format("{} {} {}", service(host).endpoint().url.str(), host.region,
                     state().keys.identity(call));
}

Credentials Access::login(const oci::Call& call, const Host& host) {
  aws::Service& api = service(host);
  const std::string what = token_of(host);
  const AuthorizationToken token = state().tokens.get(call, token_key(call, host), [&] {
    AuthorizationToken fresh =
        parse_token(api.require(call, "GetAuthorizationToken", "{}", what), host, what);
    fresh.fetched = options_.now();
    fresh.expires -= api.skew();
    return fresh;
  });
  return credentials_of(token.token, what);
}

void Access::forget(const oci::Call& call, const Host& host, const Credentials& refused) {
  const std::string what = token_of(host);
  state().tokens.drop(token_key(call, host), [&](const AuthorizationToken& token) {
    return credentials_of(token.token, what) == refused;
  });
}

std::optional<system_clock::time_point> password_expires(std::string_view password) {
  try {
    const oci::Json json = oci::parse_json(oci::from_base64(password), "the password");
    const oci::Json* expires = json.find("expiration");
    if (expires == nullptr || !expires->is_unsigned()) return std::nullopt;
    return oci::time_of(expires->whole());
  } catch (const Error&) {
    return std::nullopt;
  }
}

std::optional<Credentials> LoginSource::find_stored(const oci::Call& call,
                                                    std::string_view registry,
                                                    std::string_view repository) {
  try {
    return stored_.find(call, registry, repository);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::interrupted || error.kind() == ErrorKind::corrupt) throw;
    oci::log(oci::LogLevel::warning, fmt::format("{}; AWS is asked instead", error.what()));
    return std::nullopt;
  }
}

bool LoginSource::is_refused(const Credentials& credentials) {
  const std::lock_guard lock(mutex_);
  return std::find(refused_.begin(), refused_.end(), credentials) != refused_.end();
}

std::optional<Credentials> LoginSource::find(const oci::Call& call, std::string_view registry,
                                             std::string_view repository) {
  const auto host = parse_host(registry);
  if (!host) return stored_.find(call, registry, repository);
  const std::optional<Credentials> stored = find_stored(call, registry, repository);
  const bool refused = stored && is_refused(*stored);
  if (stored && !refused) {
    const auto expires = password_expires(stored->password);
    if (!expires || now_() < *expires) return stored;
    oci::log(oci::LogLevel::info,
             fmt::format("the password that is kept for {} has expired", registry));
  }
  try {
    if (host->is_public && !ecr_.has_configured_keys()) return std::nullopt;
    return ecr_.login(call, *host);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::interrupted) throw;
    // What the registry said of those that are kept is what matters, not that there are no others.
    if (refused) return stored;
    if (!host->is_public) throw error.during(fmt::format("logging in to {}", registry));
    oci::log(oci::LogLevel::info, fmt::format("{}; reading without credentials", error.what()));
    return std::nullopt;
  }
}

void LoginSource::forget(const oci::Call& call, std::string_view registry,
                         const Credentials& refused) {
  stored_.forget(call, registry, refused);
  const auto host = parse_host(registry);
  if (!host) return;
  if (!is_refused(refused)) {
    const std::lock_guard lock(mutex_);
    refused_.push_back(refused);
  }
  try {
    ecr_.forget(call, *host, refused);
  } catch (const Error& error) {
    // Whoever has no keys has no token to forget; that matters to `find` alone.
    if (error.kind() == ErrorKind::interrupted) throw;
    oci::log(oci::LogLevel::debug, error.what());
  }
}

}  // namespace davit::transport::ecr
