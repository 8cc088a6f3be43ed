#include <fmt/format.h>
#include <unistd.h>

#include <memory>

#include "oci/base/error.hpp"
#include "oci/model/reference.hpp"
#include "src/cli/options.hpp"
#include "src/cli/session.hpp"
#include "src/cli/terminal.hpp"
#include "transport/auth/docker_config.hpp"
#include "transport/auth/registry_key.hpp"

namespace davit::app {
namespace {

using oci::Error;
using oci::ErrorKind;

/// Asks on the terminal with what is typed not shown.
std::string ask_password() {
  const HiddenInput hidden;
  write_stderr("Password: ");
  return read_line();
}

/// The name of a registry as people type it: it may have a scheme in front or a slash behind.
std::string registry_name(const std::string& text) {
  const std::string registry = transport::canonical_key(text);
  if (!oci::is_registry(registry)) {
    throw Error(ErrorKind::usage, fmt::format("'{}' is not HOST[:PORT]", oci::printable(text)));
  }
  return registry;
}

struct LoginWords {
  std::string host;
  std::string username;
  bool password_stdin = false;
};

void login(Session& session, const LoginWords& words) {
  const std::string registry = registry_name(words.host);
  transport::Credentials credentials;
  credentials.username = words.username;
  if (credentials.username.empty()) {
    if (words.password_stdin || ::isatty(STDIN_FILENO) == 0) {
      throw Error(ErrorKind::usage, "login wants --username NAME");
    }
    write_stderr("Username: ");
    credentials.username = read_line();
  }
  credentials.password = words.password_stdin ? read_line() : ask_password();
  if (credentials.username.empty() || credentials.password.empty()) {
    throw Error(ErrorKind::usage, "the user name and the password must not be empty");
  }
  // Credentials are stored only after the registry has accepted them.
  session.check_login(registry, credentials);
  transport::DockerConfig config;
  const std::string kept = config.store(session.call(), registry, credentials);
  session.remark(fmt::format("logged in to {}; the credentials are kept in {}", registry,
                             oci::printable(kept)));
}

}  // namespace

void declare_login(Arguments command) {
  auto words = std::make_shared<LoginWords>();
  command.positional("HOST", words->host, "HOST[:PORT]");
  command.option("-u,--username", "NAME", words->username, "the user");
  command.flag("--password-stdin", words->password_stdin, "read the password from standard input");
  command.footer(
      "Example:\n  echo \"$TOKEN\" | davit login registry.example -u ci --password-stdin");
  declare_common(command, Prints::bytes);
  command.run([words](Session& session) { login(session, *words); });
}

void declare_logout(Arguments command) {
  auto host = std::make_shared<std::string>();
  command.positional("HOST", *host, "HOST[:PORT]");
  declare_output(command, Prints::bytes);
  command.run([host](Session& session) {
    const std::string registry = registry_name(*host);
    const bool was = transport::DockerConfig().erase(session.call(), registry);
    session.remark(fmt::format("{} {}", was ? "logged out of" : "not logged in to", registry));
  });
}

}  // namespace davit::app
