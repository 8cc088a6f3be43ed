#include <fmt/format.h>

#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"
#include "oci/model/json.hpp"
#include "src/cli/advice.hpp"
#include "src/cli/ecr_command.hpp"
#include "src/cli/terminal.hpp"
#include "transport/auth/registry_key.hpp"

namespace davit::app {
namespace {

using oci::Error;
using oci::ErrorKind;

/// What a helper answers where it knows no credentials. Docker looks for exactly these words.
constexpr std::string_view absence = "credentials not found in native keychain";
constexpr std::size_t input_limit = 64 * 1024;

std::string read_request() {
  std::string text = read_input("-", input_limit);
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return text;
}

std::string get(const std::string& server) {
  const auto host = transport::ecr::parse_host(transport::canonical_key(server));
  if (!host) return {};
  transport::ecr::AccessOptions options;
  options.curl.proxies = transport::Proxies::from_environment();
  transport::ecr::Access access(std::move(options));
  const transport::Credentials credentials = access.login({}, *host);
  return oci::to_printable_text(oci::Json{
      {"ServerURL", server}, {"Username", credentials.username}, {"Secret", credentials.password}});
}

/// docker login calls this. The passwords of ECR are AWS's, and there is nothing to keep of them;
/// whoever would have others kept must not think that they are.
int store(const std::string& request) {
  const oci::Json json = oci::parse_json(request, "the credentials to keep");
  const std::string server = oci::string_member(json, "ServerURL", "the credentials to keep");
  if (transport::ecr::parse_host(transport::canonical_key(server))) return 0;
  throw Error(ErrorKind::refused,
              fmt::format("the credentials of {} cannot be kept: this helper gives those of Amazon "
                          "ECR, and keeps none",
                          oci::printable(server)),
              "name it in credHelpers for ECR's hosts only, not as credsStore");
}

}  // namespace

void declare_ecr_login(Arguments command) {
  auto words = std::make_shared<EcrWords>();
  words->declare_region(command);
  command.optional_positional("REGISTRY", words->place,
                              "the registry's host; by default the configured region's");
  command.footer(
      "The user name is AWS. davit itself needs no login: it finds the password by itself.\n"
      "Example:\n"
      "  davit ecr get-login-password --region eu-west-1 |\n"
      "    docker login -u AWS --password-stdin 123456789012.dkr.ecr.eu-west-1.amazonaws.com");
  declare_common(command, Prints::bytes);
  command.run([words](Session& session) {
    const auto host = parse_ecr_registry(words->place, words->region, session.ecr());
    write_stdout(session.ecr().login(session.call(), host).password + "\n");
  });
}

int run_credential_helper(const std::string& action) {
  try {
    if (action == "get") {
      const std::string found = get(read_request());
      write_stdout(found.empty() ? std::string(absence) + "\n" : found + "\n");
      return found.empty() ? 1 : 0;
    }
    if (action == "store") return store(read_request());
    if (action == "erase") {
      // docker logout calls this: nothing was kept.
      read_request();
      return 0;
    }
    if (action == "list") {
      write_stdout("{}\n");
      return 0;
    }
    if (action == "version") {
      write_stdout("docker-credential-davit " DAVIT_VERSION "\n");
      return 0;
    }
    write_stdout("usage: docker-credential-davit get|store|erase|list|version\n");
    return 2;
  } catch (const Error& error) {
    // The protocol wants errors on standard output, where docker reads and shows them.
    const std::string hint = hint_of(error);
    write_stdout(fmt::format("davit: {}{}{}\n", error.what(), hint.empty() ? "" : "; ", hint));
    return 1;
  }
}

}  // namespace davit::app
