#include <memory>

#include "oci/base/error.hpp"
#include "src/cli/options.hpp"
#include "src/cli/session.hpp"
#include "src/cli/terminal.hpp"
#include "transport/ecr/images.hpp"

namespace davit::app {

void declare_delete(Arguments command) {
  struct Words {
    bool dry_run = false;
    std::string image;
  };
  auto words = std::make_shared<Words>();
  command.positional("PLACE", words->image, "a tag, or a digest with all of its tags");
  declare_dry_run(command, words->dry_run);
  command.footer(
      "Example:\n  davit delete registry.example/app@$(davit digest registry.example/app:old)");
  declare_common(command);
  command.run([words](Session& session) {
    const Place image = Place::parse(words->image);
    const std::string which = image.identifier();
    if (which.empty() || (!image.local() && !image.reference.tag && !image.reference.digest)) {
      throw oci::Error(oci::ErrorKind::usage, image.store_name() + " names no tag or digest",
                       "say which image is to be deleted: NAME:TAG or NAME@DIGEST");
    }
    // This fails for a layout that is not there; opening it for writing would make one.
    session.places().open(session.call(), image, Use::read);
    oci::Store& store =
        session.places().open(session.call(), image, words->dry_run ? Use::rehearse : Use::write);
    const auto ecr = transport::ecr::parse_host(image.reference.registry);
    if (ecr && !ecr->is_public && !words->dry_run) {
      // ECR's registry deletes nothing, but its API does.
      transport::ecr::Place place;
      place.host = *ecr;
      place.name = image.reference.repository;
      transport::ecr::delete_image(session.call(), session.ecr(), place, which);
    } else {
      store.remove(session.call(), which);
    }
    if (words->dry_run) return;
    const char separator = which.find(':') == std::string::npos ? ':' : '@';
    Output& out = session.output();
    out.line(store.name() + separator + which);
    out.member("deleted", store.name() + separator + which);
  });
}

}  // namespace davit::app
