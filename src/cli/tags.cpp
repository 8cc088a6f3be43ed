#include <memory>

#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"
#include "src/cli/options.hpp"
#include "src/cli/session.hpp"
#include "src/cli/terminal.hpp"

namespace davit::app {
namespace {

void print_names(Session& session, const char* key, const std::string& of,
                 const std::vector<std::string>& names) {
  Output& out = session.output();
  for (const std::string& name : names) out.line(name);
  out.member("name", of);
  out.member(key, names);
}

}  // namespace

void declare_tags(Arguments command) {
  auto text = std::make_shared<std::string>();
  command.positional("PLACE", *text, "a repository, layout or archive");
  declare_common(command);
  command.run([text](Session& session) {
    oci::Store& store = session.places().open(session.call(), Place::parse(*text), Use::read);
    print_names(session, "tags", store.name(), store.tags(session.call()));
  });
}

void declare_catalog(Arguments command) {
  auto registry = std::make_shared<std::string>();
  command.positional("HOST", *registry, "HOST[:PORT]");
  declare_common(command);
  command.run([registry](Session& session) {
    if (!oci::is_registry(*registry)) {
      throw oci::Error(oci::ErrorKind::usage,
                       "'" + oci::printable(*registry) + "' is not HOST[:PORT]");
    }
    print_names(session, "repositories", *registry,
                session.places().client().catalog(session.call(), *registry));
  });
}

}  // namespace davit::app
