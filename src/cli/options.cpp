#include "src/cli/options.hpp"

#include <memory>
#include <vector>

#include "oci/base/error.hpp"
#include "src/cli/session.hpp"
#include "src/cli/values.hpp"
#include "src/ops/ecr_create.hpp"
#include "src/ops/ecr_settings.hpp"
#include "transport/registry/upload.hpp"

namespace davit::app {
namespace {

using oci::Error;
using oci::ErrorKind;

/// A thousand tries with half a minute between them take longer than anybody waits.
constexpr Range retries_range{0, 1000};
/// In seconds. A registry that says nothing for a day says nothing any more.
constexpr Range timeout_range{1, 86'400};
/// Each job has a connection and a thread.
constexpr Range jobs_range{1, 256};

/// The words of the group "Connection".
struct Connection {
  bool plain_http = false;
  bool insecure = false;
  std::vector<std::string> resolve;
  std::string ca_file;
  std::string cert_file;
  std::string key_file;
  std::size_t retries = 5;
  std::size_t timeout_seconds = 60;
  std::string profile;
};

void declare_connection(Arguments& command) {
  const auto words = std::make_shared<Connection>();
  command.heading("Connection");
  command.flag("--plain-http", words->plain_http,
               "speak HTTP instead of HTTPS (loopback hosts need not say so)");
  command.flag("--insecure", words->insecure, "accept any certificate");
  command.list("--resolve", "HOST:PORT:ADDRESS", words->resolve,
               "connect to this address for a host, as curl does");
  command.option("--ca-file", "FILE", words->ca_file, "trust these authorities (PEM)");
  command.option("--cert-file", "FILE", words->cert_file, "client certificate (PEM)");
  command.option("--key-file", "FILE", words->key_file, "its key (PEM)");
  command.option("--profile", "NAME", words->profile,
                 "AWS profile for Amazon ECR; by default as AWS_PROFILE says");
  command.number("--retries", "N", retries_range, words->retries,
                 "further tries after temporary failures");
  command.number("--timeout", "SECONDS", timeout_range, words->timeout_seconds,
                 "give up when no byte moved for so long");
  command.settle([words](Settings& settings) {
    if (words->cert_file.empty() != words->key_file.empty()) {
      throw Error(ErrorKind::usage, "--cert-file and --key-file go together");
    }
    settings.connects = true;
    settings.aws_profile = words->profile;
    transport::CurlOptions& curl = settings.client.curl;
    curl.ca_file = words->ca_file;
    curl.cert_file = words->cert_file;
    curl.key_file = words->key_file;
    curl.resolve = words->resolve;
    curl.stall_time = std::chrono::seconds(words->timeout_seconds);
    curl.proxies = transport::Proxies::from_environment();
    if (words->insecure) curl.verification = transport::TlsVerification::none;
    settings.client.retry.retries = static_cast<int>(words->retries);
    if (words->plain_http) settings.client.plain_http = transport::PlainHttp::always;
  });
}

/// The words of the group "Output", without those of the progress.
struct Saying {
  bool json = false;
  bool quiet = false;
  int verbose = 0;
};

}  // namespace

void declare_output(Arguments& command, Prints prints) {
  const auto words = std::make_shared<Saying>();
  command.heading("Output");
  if (prints == Prints::result) {
    command.flag("--json", words->json, "print the result as one JSON object");
  }
  command.flag("-q,--quiet", words->quiet, "no progress and no warnings");
  command.count("-v,--verbose", words->verbose,
                "say each request; -vv its headers too (secrets masked)");
  command.settle([words](Settings& settings) {
    if (words->quiet && words->verbose > 0) {
      throw Error(ErrorKind::usage, "--quiet and --verbose exclude each other");
    }
    settings.json = words->json;
    settings.quiet = words->quiet;
    settings.verbose = words->verbose;
  });
}

void declare_common(Arguments& command, Prints prints) {
  declare_connection(command);
  declare_output(command, prints);
}

void declare_progress(Arguments& command) {
  const auto style = std::make_shared<std::string>("auto");
  command.heading("Output");
  command.option("--progress", "STYLE", *style, "auto, plain, json or none");
  command.heading("Options");
  command.settle([style](Settings& settings) { settings.progress = progress_style(*style); });
}

void Transfer::declare(Arguments& command) {
  command.heading("Options");
  command.number("-j,--jobs", "N", jobs_range, jobs, "blobs that move at the same time");
  declare_progress(command);
}

void Destination::declare(Arguments& command) {
  command.heading("Options");
  command.option("--chunk-size", "SIZE", chunk_size,
                 "send blobs in chunks of this size; 0 whole; by default 10M to Amazon ECR");
  declare_dry_run(command, dry_run);
  command.flag("--create", create, "in Amazon ECR, make a repository that is missing");
  command.option("--ecr-settings", "FILE", ecr_settings,
                 "what such a repository is like (YAML; see davit help ecr create)");
  command.settle([this](Settings& settings) {
    if (!chunk_size.empty()) {
      const std::uint64_t size = parse_size("--chunk-size", chunk_size);
      if (size > transport::greatest_chunk) {
        throw Error(ErrorKind::usage, "--chunk-size is at most 256M: chunks are kept in memory");
      }
      settings.client.chunk_size = size;
    }
    if (ecr_settings.empty()) return;
    if (!create) throw Error(ErrorKind::usage, "--ecr-settings goes with --create");
    repository = parse_settings(ecr_settings);
  });
}

void Destination::prepare(Session& session, const std::vector<Place>& places) const {
  if (create) create_repositories(session.call(), session.ecr(), places, repository, use());
}

void declare_dry_run(Arguments& command, bool& dry_run) {
  command.flag("--dry-run", dry_run, "say what would be done, and do nothing");
  command.settle([&dry_run](Settings& settings) { settings.rehearses = dry_run; });
}

void PlatformChoice::declare_one(Arguments& command, const std::string& help) {
  command.option("--platform", "OS/ARCH[/VARIANT]", platform, help);
  command.settle([this](Settings&) {
    if (!platform.empty() && all) {
      throw Error(ErrorKind::usage, "--platform and --all-platforms exclude each other");
    }
    chosen();
  });
}

void PlatformChoice::declare(Arguments& command) {
  command.heading("Options");
  declare_one(command, "of an index, the image for this platform");
  command.flag("--all-platforms", all, "of an index, everything (the default)");
}

std::optional<oci::Platform> PlatformChoice::chosen() const {
  if (platform.empty()) return std::nullopt;
  return oci::Platform::parse(platform);
}

}  // namespace davit::app
