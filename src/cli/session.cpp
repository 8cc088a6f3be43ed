#include "src/cli/session.hpp"

#include <fmt/format.h>

#include <set>

#include "oci/base/log.hpp"
#include "src/cli/json_text.hpp"
#include "src/cli/terminal.hpp"
#include "src/cli/values.hpp"
#include "src/ops/ecr_settings.hpp"
#include "transport/auth/docker_config.hpp"
#include "transport/ecr/repositories.hpp"
#include "transport/registry/upload.hpp"

namespace davit::app {
namespace {

transport::ClientOptions client_options(const CommonOptions& options, std::stop_token stop) {
  transport::ClientOptions client;
  client.curl.ca_file = options.ca_file;
  client.curl.cert_file = options.cert_file;
  client.curl.key_file = options.key_file;
  client.curl.resolve = options.resolve;
  client.curl.stall_time = std::chrono::seconds(options.timeout_seconds);
  client.curl.proxies = transport::Proxies::from_environment();
  client.curl.stop = stop;
  if (options.insecure) client.curl.verification = transport::TlsVerification::none;
  client.retry.retries = options.retries;
  client.retry.stop = stop;
  if (!options.chunk_size.empty()) {
    client.chunk_size = parse_size("--chunk-size", options.chunk_size);
    if (*client.chunk_size > transport::greatest_chunk) {
      throw oci::Error(oci::ErrorKind::usage,
                       "--chunk-size is at most 256M: chunks are kept in memory");
    }
  }
  if (options.plain_http) client.plain_http = transport::PlainHttp::always;
  return client;
}

}  // namespace

void declare_common(Arguments& arguments, CommonOptions& options) {
  arguments.heading("Connection");
  arguments.flag("--plain-http", options.plain_http,
                 "speak HTTP instead of HTTPS (loopback hosts need not say so)");
  arguments.flag("--insecure", options.insecure, "accept any certificate");
  arguments.list("--resolve", "HOST:PORT:ADDRESS", options.resolve,
                 "connect to this address for a host, as curl does");
  arguments.option("--ca-file", "FILE", options.ca_file, "trust these authorities (PEM)");
  arguments.option("--cert-file", "FILE", options.cert_file, "client certificate (PEM)");
  arguments.option("--key-file", "FILE", options.key_file, "its key (PEM)");
  arguments.option("--profile", "NAME", options.profile,
                   "AWS profile for Amazon ECR; by default as AWS_PROFILE says");
  arguments.option("--retries", "N", options.retries, "further tries after temporary failures");
  arguments.option("--timeout", "SECONDS", options.timeout_seconds,
                   "give up when no byte moved for so long");
  arguments.heading("Output");
  arguments.flag("--json", options.json, "print the result as one JSON object");
  arguments.flag("-q,--quiet", options.quiet, "no progress and no warnings");
  arguments.count("-v,--verbose", options.verbose,
                  "say each request; -vv its headers too (secrets masked)");
}

void declare_transfer(Arguments& arguments, CommonOptions& options) {
  arguments.heading("Options");
  arguments.option("-j,--jobs", "N", options.jobs, "blobs that move at the same time");
  arguments.option("--chunk-size", "SIZE", options.chunk_size,
                   "send blobs in chunks of this size; 0 whole; by default 10M to Amazon ECR");
  arguments.flag("--dry-run", options.dry_run, "say what would be done, and do nothing");
  arguments.flag("--create", options.create, "in Amazon ECR, make a repository that is missing");
  arguments.option("--ecr-settings", "FILE", options.ecr_settings,
                   "what such a repository is like (YAML; see davit help ecr create)");
  arguments.heading("Output");
  arguments.option("--progress", "STYLE", options.progress, "auto, plain, json or none");
  arguments.heading("Options");
}

void declare_platform(Arguments& arguments, CommonOptions& options) {
  arguments.heading("Options");
  arguments.option("--platform", "OS/ARCH[/VARIANT]", options.platform,
                   "of an index, the image for this platform");
  arguments.flag("--all-platforms", options.all_platforms, "of an index, everything (the default)");
}

Session::~Session() { oci::set_log({}); }

void Session::begin(const CommonOptions& options) {
  using oci::Error;
  using oci::ErrorKind;
  options_ = options;
  if (!options.platform.empty() && options.all_platforms) {
    throw Error(ErrorKind::usage, "--platform and --all-platforms exclude each other");
  }
  if (options.quiet && options.verbose > 0) {
    throw Error(ErrorKind::usage, "--quiet and --verbose exclude each other");
  }
  if (options.cert_file.empty() != options.key_file.empty()) {
    throw Error(ErrorKind::usage, "--cert-file and --key-file go together");
  }
  if (options.jobs == 0 || options.jobs > 256) {
    throw Error(ErrorKind::usage, "--jobs is a number from 1 to 256");
  }
  if (options.timeout_seconds == 0) {
    throw Error(ErrorKind::usage, "--timeout is at least one second");
  }
  platform();
  const ProgressStyle style = progress_style(options.progress);
  // A dry run moves nothing, and says what it would do in words.
  display_ = make_display(options.quiet || options.dry_run ? ProgressStyle::none : style);
  oci::set_log([this](oci::LogLevel level, std::string_view line) {
    if (level == oci::LogLevel::notice) {
      display_->message(line);
    } else if (level == oci::LogLevel::warning) {
      if (!options_.quiet) display_->message(fmt::format("warning: {}", line));
    } else if ((level == oci::LogLevel::info && options_.verbose > 0) || options_.verbose > 1) {
      display_->message(line);
    }
  });
  const transport::ClientOptions client = client_options(options, stop_);
  transport::ecr::AccessOptions ecr;
  ecr.profile = options.profile;
  ecr.curl = client.curl;
  ecr.retry = client.retry;
  stored_ = std::make_unique<transport::DockerConfig>();
  ecr_ = std::make_unique<transport::ecr::Access>(std::move(ecr));
  places_ = std::make_unique<Places>(
      client, std::make_unique<transport::ecr::LoginSource>(*stored_, *ecr_), ecr_.get());
}

void Session::create_repositories(const std::vector<Place>& places) {
  if (!options_.create) {
    if (options_.ecr_settings.empty()) return;
    throw oci::Error(oci::ErrorKind::usage, "--ecr-settings goes with --create");
  }
  transport::ecr::RepositorySettings settings;
  if (!options_.ecr_settings.empty()) settings = parse_settings(options_.ecr_settings);
  std::set<std::string> seen;
  for (const Place& place : places) {
    if (place.local() || !seen.insert(place.store_name()).second) continue;
    const auto host = transport::ecr::parse_host(place.reference.registry);
    if (!host) continue;
    transport::ecr::Repositories repositories(*ecr_, *host);
    if (repositories.find(place.reference.repository)) continue;
    if (options_.dry_run) {
      oci::log(oci::LogLevel::notice,
               fmt::format("would make the repository {}", place.store_name()));
    } else if (repositories.create(place.reference.repository, settings)) {
      oci::log(oci::LogLevel::info, fmt::format("made the repository {}", place.store_name()));
    }
  }
}

void Session::check_login(const std::string& registry, const transport::Credentials& credentials) {
  transport::Client client(client_options(options_, stop_),
                           std::make_unique<transport::FixedCredentials>(registry, credentials));
  client.check_login(registry);
}

std::optional<oci::Platform> Session::platform() const {
  if (options_.platform.empty()) return std::nullopt;
  return oci::Platform::parse(options_.platform);
}

void Session::print(const std::vector<Landed>& landed) {
  display_ = make_display(ProgressStyle::none);
  if (!options_.json) {
    for (const Landed& place : landed) write_stdout(place.str() + "\n");
    return;
  }
  nlohmann::ordered_json json;
  json["digest"] = landed.at(0).root.digest.str();
  json["mediaType"] = landed.at(0).root.media_type;
  json["size"] = landed.at(0).root.size;
  json["places"] = nlohmann::ordered_json::array();
  for (const Landed& place : landed) {
    json["places"].push_back({{"reference", place.str()}, {"tags", place.tags}});
  }
  write_stdout(json_text(json));
}

}  // namespace davit::app
