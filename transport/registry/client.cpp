#include "transport/registry/client.hpp"

#include <fmt/format.h>

#include "oci/base/error.hpp"
#include "transport/auth/authenticate.hpp"
#include "transport/ecr/host.hpp"
#include "transport/http/redirect.hpp"
#include "transport/http/tls_probe.hpp"
#include "transport/http/trace.hpp"
#include "transport/registry/failure.hpp"
#include "transport/registry/repository.hpp"

namespace davit::transport {
namespace {

/// Docker Hub's registry answers under another name than the one people write.
std::string spoken_name(const std::string& registry) {
  return registry == "docker.io" ? "registry-1.docker.io" : registry;
}

/// ECR keeps the parts it has, and takes no less than 5 MiB but for the last.
constexpr std::uint64_t ecr_chunk = 10 * oci::MiB;

std::uint64_t chunk_size_of(const ClientOptions& options, const std::string& registry) {
  return options.chunk_size.value_or(ecr::parse_host(registry) ? ecr_chunk : 0);
}

}  // namespace

struct Client::Chain {
  std::unique_ptr<Transport> authenticate;
  std::unique_ptr<Transport> retry;
};

Client::Client(ClientOptions options, std::unique_ptr<CredentialSource> credentials)
    : options_(std::move(options)),
      credentials_(std::move(credentials)),
      wire_(make_curl(options_.curl)),
      trace_(make_trace(*wire_)),
      redirect_(make_redirect(*trace_)) {}

Client::~Client() = default;

Origin Client::origin(const oci::Call& call, const std::string& registry) {
  const std::lock_guard lock(mutex_);
  if (const auto known = origins_.find(registry); known != origins_.end()) return known->second;
  const std::string host = spoken_name(registry);
  Origin origin = Url::parse("https://" + host + "/").origin;
  const bool plain =
      options_.plain_http == PlainHttp::always ||
      (is_loopback(origin.host) && probe_tls(call, options_.curl, origin) != TlsSupport::spoken);
  if (plain) origin = Url::parse("http://" + host + "/").origin;
  return origins_[registry] = origin;
}

Transport& Client::chain(const oci::Call& call, const std::string& registry,
                         const std::string& repository) {
  const Registry place{origin(call, registry), registry, repository};
  const std::lock_guard lock(mutex_);
  std::unique_ptr<Chain>& chain = chains_[registry + "/" + repository];
  if (!chain) {
    chain = std::make_unique<Chain>();
    chain->authenticate = make_authenticate(*redirect_, *redirect_, *credentials_, place);
    chain->retry = make_retry(*chain->authenticate, options_.retry);
  }
  return *chain->retry;
}

std::unique_ptr<oci::Store> Client::repository(const oci::Call& call,
                                               const oci::Reference& reference) {
  return make_repository(chain(call, reference.registry, reference.repository),
                         {reference.registry, origin(call, reference.registry),
                          reference.repository, chunk_size_of(options_, reference.registry)},
                         options_.retry);
}

std::vector<std::string> Client::catalog(const oci::Call& call, const std::string& registry) {
  return transport::catalog(call, chain(call, registry, ""), origin(call, registry));
}

void Client::check_login(const oci::Call& call, const std::string& registry) {
  Request request;
  request.url = Url{origin(call, registry), "/v2/", ""};
  const Response response = chain(call, registry, "").send(call, request);
  if (response.ok()) return;
  // distribution-spec, "Determining Support": other answers than 401 come from what is no registry.
  throw failure(response, fmt::format("logging in to {}", registry));
}

}  // namespace davit::transport
