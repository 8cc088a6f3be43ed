#include <memory>

#include "src/cli/options.hpp"
#include "src/cli/session.hpp"
#include "src/ops/transfer.hpp"

namespace davit::app {

void declare_tag(Arguments command) {
  struct Words {
    bool dry_run = false;
    std::string image;
    std::vector<std::string> tags;
  };
  auto words = std::make_shared<Words>();
  command.positional("PLACE", words->image, "the image");
  command.positionals("TAG", words->tags, 1, "new tags in the same repository");
  command.footer("Example:\n  davit tag registry.example/app@sha256:... 1.0 latest");
  declare_dry_run(command, words->dry_run);
  declare_common(command);
  command.run([words](Session& session) {
    const Place image = Place::parse(words->image);
    const Use use = words->dry_run ? Use::rehearse : Use::write;
    session.print({add_tags(session.call(), session.places(), image, words->tags, use)});
  });
}

}  // namespace davit::app
