#include "transport/aws/metadata.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"
#include "oci/base/file.hpp"
#include "oci/base/text.hpp"
#include "transport/aws/key_documents.hpp"

namespace davit::transport::aws {
namespace {

using oci::Error;
using oci::ErrorKind;

constexpr std::uint64_t token_limit = 64 * oci::KiB;
constexpr int container_tries = 3;

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](unsigned char c) { return std::iscntrl(c) != 0; });
}

/// Plain HTTP goes to this machine and to the addresses that ECS and EKS use, nowhere else.
bool may_be_plain(const Url& url) {
  static constexpr std::array<std::string_view, 3> hosts = {"169.254.170.2", "169.254.170.23",
                                                            "[fd00:ec2::23]"};
  return is_loopback(url.origin.host) ||
         std::find(hosts.begin(), hosts.end(), url.origin.host) != hosts.end();
}

class Container final : public KeySource {
 public:
  Container(const World& world, Url url) : world_(world), url_(std::move(url)) {}

  std::optional<std::string> principal() const override { return std::nullopt; }

  TimedKeys fetch(const oci::Call& call) override {
    Request request;
    request.url = url_;
    request.headers.set("Accept", "application/json");
    if (const std::string value = authorization(); !value.empty()) {
      request.headers.set("Authorization", value);
    }
    for (int tries = container_tries;;) {
      try {
        const Response response = world_.metadata.send(call, request);
        if (response.ok()) return parse_keys(response.body, what);
        if (response.status < 500 || --tries == 0) {
          throw Error(ErrorKind::denied, fmt::format("{} answered {}", what, response.status));
        }
      } catch (const Error& error) {
        if (error.kind() != ErrorKind::unavailable || --tries == 0) throw;
      }
    }
  }

 private:
  static constexpr std::string_view what = "the container's credentials endpoint";

  /// From the file anew each time: the token in it is replaced while we run.
  std::string authorization() const {
    std::string value;
    if (const auto file = world_.config.environment("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")) {
      value = oci::doing(what, [&] { return oci::read_file(*file, token_limit); });
    } else {
      value = world_.config.environment("AWS_CONTAINER_AUTHORIZATION_TOKEN").value_or("");
    }
    if (has_control(value)) {
      throw Error(ErrorKind::denied, fmt::format("{}: its token is no header's value", what));
    }
    return value;
  }

  const World world_;
  const Url url_;
};

class Instance final : public KeySource {
 public:
  Instance(const World& world, Url url) : world_(world), url_(std::move(url)) {}

  std::optional<std::string> principal() const override { return std::nullopt; }
  bool is_configured() const override { return false; }

  TimedKeys fetch(const oci::Call& call) override {
    const std::string token = session_token(call);
    const std::string role = get(call, "", token);
    if (role.empty() || has_control(role) || role.find('/') != std::string::npos) {
      throw Error(ErrorKind::denied, "this instance has no role");
    }
    return parse_keys(get(call, role, token), "the instance metadata service");
  }

 private:
  Request request_to(std::string_view path) const {
    Request request;
    request.url = url_;
    if (!request.url.path.ends_with('/')) request.url.path += '/';
    request.url.path += path;
    return request;
  }

  /// Empty: version 1, which asks for none.
  std::string session_token(const oci::Call& call) const {
    Request put = request_to("latest/api/token");
    put.method = "PUT";
    put.headers.set("x-aws-ec2-metadata-token-ttl-seconds", "21600");
    put.headers.set("Content-Length", "0");
    const Response response = world_.metadata.send(call, put);
    if (response.ok()) return response.body;
    const bool old = response.status == 403 || response.status == 404 || response.status == 405;
    if (!old || world_.config.is_true("AWS_EC2_METADATA_V1_DISABLED", "ec2_metadata_v1_disabled")) {
      throw Error(ErrorKind::denied,
                  fmt::format("the instance metadata service answered {}", response.status));
    }
    return {};
  }

  std::string get(const oci::Call& call, const std::string& role, const std::string& token) const {
    Request request = request_to("latest/meta-data/iam/security-credentials/" + url_encode(role));
    if (!token.empty()) request.headers.set("x-aws-ec2-metadata-token", token);
    const Response response = world_.metadata.send(call, request);
    if (!response.ok()) {
      throw Error(ErrorKind::denied,
                  response.status == 404
                      ? "this instance has no role"
                      : fmt::format("the instance metadata service answered {}", response.status));
    }
    std::string text = response.body.substr(0, response.body.find('\n'));
    return role.empty() ? text : response.body;
  }

  const World world_;
  const Url url_;
};

}  // namespace

std::unique_ptr<KeySource> make_container(const World& world) {
  if (const auto path = world.config.environment("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")) {
    return std::make_unique<Container>(world, Url::parse("http://169.254.170.2" + *path));
  }
  const auto full = world.config.environment("AWS_CONTAINER_CREDENTIALS_FULL_URI");
  if (!full) return nullptr;
  const Url url = Url::parse(*full);
  if (url.origin.scheme != "https" && !may_be_plain(url)) {
    throw Error(ErrorKind::denied,
                fmt::format("AWS_CONTAINER_CREDENTIALS_FULL_URI leads to {} over plain HTTP, "
                            "which only this machine's own addresses may",
                            url.origin.host));
  }
  return std::make_unique<Container>(world, url);
}

std::unique_ptr<KeySource> make_instance(const World& world) {
  const Config& config = world.config;
  if (config.is_true("AWS_EC2_METADATA_DISABLED", "")) return nullptr;
  std::string base = "http://169.254.169.254/";
  const auto mode =
      config.choose("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "ec2_metadata_service_endpoint_mode");
  if (oci::lower_case(mode.value_or("")) == "ipv6") base = "http://[fd00:ec2::254]/";
  const auto given =
      config.choose("AWS_EC2_METADATA_SERVICE_ENDPOINT", "ec2_metadata_service_endpoint");
  return std::make_unique<Instance>(world, Url::parse(given.value_or(base)));
}

}  // namespace davit::transport::aws
