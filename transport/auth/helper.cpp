#include "transport/auth/helper.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <chrono>

#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"
#include "oci/base/process.hpp"
#include "oci/model/json.hpp"

namespace davit::transport {
namespace {

using oci::Error;
using oci::ErrorKind;

/// The user name that marks a secret as an identity token, and what a helper prints, with exit
/// status 1, for absence. Both are the protocol's.
constexpr std::string_view token_username = "<token>";
constexpr std::string_view absence = "credentials not found in native keychain";

/// Long enough for a person who looks for the passphrase of a key and types it.
constexpr std::chrono::minutes time_limit{2};

bool is_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-';
  });
}

/// The protocol is lines of text: a line break in the address would be another request
/// (CVE-2020-5260 in git's protocol of the same shape).
void check_server(std::string_view server) {
  if (server.empty() || std::any_of(server.begin(), server.end(),
                                    [](unsigned char c) { return std::iscntrl(c) != 0; })) {
    throw Error(ErrorKind::usage,
                fmt::format("'{}' is no registry's address", oci::printable(server)));
  }
}

oci::ProcessResult run(const oci::Call& call, const std::string& program, const char* action,
                       const std::string& input) {
  try {
    return oci::run_process(call, {program, action}, input, {.time = time_limit});
  } catch (const Error& error) {
    // A directory on PATH that may not be searched turns absence into a lack of permission.
    if (error.kind() != ErrorKind::not_found && error.kind() != ErrorKind::denied) throw;
    throw Error(ErrorKind::failed,
                fmt::format("{}: there is no such program on PATH that may be run", program),
                "install it, or take its name out of the credentials file");
  }
}

/// What a helper said when it failed: its first line. Helpers complain on standard output, where
/// secrets also go, so whatever could hold one is not repeated.
std::string complaint(const oci::ProcessResult& result, std::string_view secret) {
  std::string_view text = result.output.empty() ? result.errors : result.output;
  text = text.substr(0, std::min<std::size_t>(text.find('\n'), 200));
  const bool secretive = text.find_first_of("{\"") != std::string_view::npos ||
                         (!secret.empty() && text.find(secret) != std::string_view::npos);
  if (text.empty() || secretive) return fmt::format("exit status {}", result.status);
  return oci::printable(text);
}

Error helper_error(const std::string& program, const char* action, const oci::ProcessResult& result,
                   std::string_view secret = {}) {
  return Error(ErrorKind::failed,
               fmt::format("{} {}: {}", program, action, complaint(result, secret)));
}

}  // namespace

CredentialHelper::CredentialHelper(std::string_view name)
    : program_(fmt::format("docker-credential-{}", name)) {
  if (!is_name(name)) {
    throw Error(ErrorKind::corrupt, fmt::format("'{}' is not the name of a credential helper",
                                                oci::printable(name.substr(0, 80))));
  }
}

std::optional<Credentials> CredentialHelper::get(const oci::Call& call,
                                                 std::string_view server) const {
  check_server(server);
  const oci::ProcessResult result = run(call, program_, "get", std::string(server));
  if (result.status != 0) {
    if (result.output.find(absence) != std::string::npos) return std::nullopt;
    throw helper_error(program_, "get", result);
  }
  const std::string what = program_ + " get";
  const oci::Json answer = oci::parse_json(result.output, what);
  if (!answer.is_object()) throw Error(ErrorKind::corrupt, what + ": not a JSON object");
  std::string username = oci::string_member(answer, "Username", what);
  std::string secret = oci::string_member(answer, "Secret", what);
  if (username.empty() && secret.empty()) return std::nullopt;
  if (username == token_username) return Credentials{.identity_token = std::move(secret)};
  return Credentials{.username = std::move(username), .password = std::move(secret)};
}

void CredentialHelper::store(const oci::Call& call, std::string_view server,
                             const Credentials& credentials) const {
  check_server(server);
  const bool is_token = !credentials.identity_token.empty();
  const std::string& secret = is_token ? credentials.identity_token : credentials.password;
  const oci::Json entry = {
      {"ServerURL", server},
      {"Username", is_token ? std::string(token_username) : credentials.username},
      {"Secret", secret}};
  std::string input;
  try {
    input = oci::to_text(entry);
  } catch (const Error&) {
    throw Error(ErrorKind::usage, program_ + " store: the user name or secret is not UTF-8");
  }
  const oci::ProcessResult result = run(call, program_, "store", input);
  if (result.status != 0) throw helper_error(program_, "store", result, secret);
}

void CredentialHelper::erase(const oci::Call& call, std::string_view server) const {
  check_server(server);
  const oci::ProcessResult result = run(call, program_, "erase", std::string(server));
  if (result.status == 0 || result.output.find(absence) != std::string::npos) return;
  throw helper_error(program_, "erase", result);
}

}  // namespace davit::transport
