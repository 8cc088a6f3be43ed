#include "transport/aws/sts.hpp"

#include <fmt/format.h>

#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"
#include "oci/base/file.hpp"
#include "oci/base/log.hpp"
#include "oci/model/digest.hpp"
#include "transport/aws/key_documents.hpp"
#include "transport/aws/partition.hpp"

namespace davit::transport::aws {
namespace {

using oci::Error;
using oci::ErrorKind;

constexpr std::uint64_t token_limit = 64 * oci::KiB;
constexpr std::uint64_t form_limit = 64 * oci::KiB;

std::string region_of(const Config& config) {
  const std::string region = config.region();
  return region.empty() ? "us-east-1" : region;
}

Url endpoint(const Config& config) {
  if (const auto url = config.endpoint("sts")) return Url::parse(*url);
  const std::string region = region_of(config);
  return Url::parse(fmt::format("https://sts.{}.{}/", region, partition_of(region).suffix));
}

/// A request of STS's query protocol.
Request query(const Config& config, std::string_view action, const Role& role, std::string form) {
  form = fmt::format("Action={}&Version=2011-06-15&RoleArn={}&RoleSessionName={}{}{}", action,
                     url_encode(role.arn),
                     url_encode(role.session_name.empty() ? "davit" : role.session_name),
                     form.empty() ? "" : "&", form);
  if (!role.external_id.empty()) form += "&ExternalId=" + url_encode(role.external_id);
  if (!role.duration_seconds.empty()) {
    form += "&DurationSeconds=" + url_encode(role.duration_seconds);
  }
  Request request;
  request.method = "POST";
  request.url = endpoint(config);
  request.headers.set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8");
  request.body = Body{oci::content_of(form), form.size()};
  return request;
}

TimedKeys keys_of(const Response& response, const std::string& what) {
  if (response.ok()) return parse_sts_keys(response.body, what);
  const std::string code = oci::printable(xml_text(response.body, "Code"));
  const std::string message = oci::printable(xml_text(response.body, "Message"));
  throw Error(response.status >= 500 ? ErrorKind::unavailable : ErrorKind::denied,
              fmt::format("{}: {} answered {} {}{}{}", what, response.url.origin.host,
                          response.status, code, message.empty() ? "" : ": ", message));
}

std::string principal_of(const Role& role) {
  return fmt::format("role/{}/{}", role.arn, role.session_name);
}

/// Empty where it cannot be read: whoever needs what is in it says so.
std::string digest_of_file(const std::string& file) {
  try {
    return std::string(oci::digest_of(oci::bytes_of(oci::read_file(file, token_limit))).hex());
  } catch (const Error& error) {
    oci::log(oci::LogLevel::debug, error.what());
    return {};
  }
}

class AssumeRole final : public KeySource {
 public:
  AssumeRole(const World& world, Role role, std::unique_ptr<KeySource> source)
      : world_(world), role_(std::move(role)), source_(std::move(source)) {}

  std::optional<std::string> principal() const override {
    // Policies can tell sessions apart by their names and by who opened them.
    return principal_of(role_) + " by " + source_->principal().value_or("");
  }

  TimedKeys fetch(const oci::Call& call) override {
    const std::string what = fmt::format("assuming {}", oci::printable(role_.arn));
    const Keys keys = oci::doing(what, [&] { return source_->fetch(call).keys; });
    Request request = query(world_.config, "AssumeRole", role_, "");
    const std::string form = oci::collect(call, request.body->content, form_limit, what);
    sign(request, form, keys, {region_of(world_.config), "sts"}, world_.now());
    return keys_of(world_.aws.send(call, request), what);
  }

 private:
  const World world_;
  const Role role_;
  const std::unique_ptr<KeySource> source_;
};

class WebIdentity final : public KeySource {
 public:
  WebIdentity(const World& world, Role role, std::string token_file)
      : world_(world), role_(std::move(role)), token_file_(std::move(token_file)) {}

  std::optional<std::string> principal() const override {
    // Policies can tell sessions apart by what their tokens claim.
    return principal_of(role_) + " by " + digest_of_file(token_file_);
  }

  TimedKeys fetch(const oci::Call& call) override {
    const std::string what = fmt::format("assuming {} by web identity", oci::printable(role_.arn));
    std::string token = oci::doing(what, [&] {
      try {
        return oci::read_file(token_file_, token_limit);
      } catch (const Error& error) {
        throw error.as(ErrorKind::denied);
      }
    });
    while (token.ends_with('\n') || token.ends_with('\r')) token.pop_back();
    const std::string form = "WebIdentityToken=" + url_encode(token);
    return keys_of(
        world_.aws.send(call, query(world_.config, "AssumeRoleWithWebIdentity", role_, form)),
        what);
  }

 private:
  const World world_;
  const Role role_;
  const std::string token_file_;
};

}  // namespace

std::unique_ptr<KeySource> make_assume_role(const World& world, Role role,
                                            std::unique_ptr<KeySource> source) {
  return std::make_unique<AssumeRole>(world, std::move(role), std::move(source));
}

std::unique_ptr<KeySource> make_web_identity(const World& world, Role role,
                                             std::string token_file) {
  return std::make_unique<WebIdentity>(world, std::move(role), std::move(token_file));
}

}  // namespace davit::transport::aws
