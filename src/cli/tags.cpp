#include <memory>

#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"
#include "src/cli/command.hpp"
#include "src/cli/json_text.hpp"
#include "src/cli/options.hpp"
#include "src/cli/session.hpp"
#include "src/cli/terminal.hpp"

namespace davit::app {
namespace {

void print_names(const Session& session, const char* key, const std::string& of,
                 const std::vector<std::string>& names) {
  if (session.json()) {
    const nlohmann::ordered_json json = {{"name", of}, {key, names}};
    write_stdout(json_text(json));
    return;
  }
  std::string text;
  for (const std::string& name : names) text += oci::printable(name) + "\n";
  write_stdout(text);
}

}  // namespace

void declare_tags(Arguments& root) {
  struct Words {
    std::string place;
  };
  auto words = std::make_shared<Words>();
  Arguments tags = root.command("tags", "list the tags of a repository, layout or archive", "ls");
  tags.positional("PLACE", words->place, "a repository, layout or archive");
  declare_common(tags);
  tags.run([words](Session& session) {
    const Place place = Place::parse(words->place);
    oci::Store& store = session.places().open(place, Use::read);
    print_names(session, "tags", store.name(), store.tags());
  });

  auto registry = std::make_shared<Words>();
  Arguments catalog = root.command("catalog", "list the repositories of a registry");
  catalog.positional("HOST", registry->place, "HOST[:PORT]");
  declare_common(catalog);
  catalog.run([registry](Session& session) {
    if (!oci::is_registry(registry->place)) {
      throw oci::Error(oci::ErrorKind::usage,
                       "'" + oci::printable(registry->place) + "' is not HOST[:PORT]");
    }
    print_names(session, "repositories", registry->place,
                session.places().client().catalog(registry->place));
  });
}

}  // namespace davit::app
