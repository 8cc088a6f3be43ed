#include "src/ops/transfer.hpp"

#include <fmt/format.h>

#include "oci/image/inspect.hpp"
#include "oci/model/config.hpp"
#include "oci/model/manifest.hpp"
#include "oci/store/nearer.hpp"

namespace davit::app {
namespace {

using oci::Descriptor;

/// The entry that an index has for a manifest, with the platform its config says.
Descriptor index_entry(const oci::Call& call, oci::Store& store, Descriptor image) {
  if (image.platform) return image;
  const std::string what = store.name() + "@" + image.digest.str();
  const oci::Manifest manifest = oci::manifest_of(
      oci::parse_document(image.media_type, oci::fetch_document(call, store, image), what), what);
  if (!manifest.artifact_type.empty()) image.artifact_type = manifest.artifact_type;
  const bool is_image = manifest.config.media_type == oci::media::oci_config ||
                        manifest.config.media_type == oci::media::docker_config;
  if (!is_image) return image;
  image.platform =
      oci::parse_config(oci::fetch_document(call, store, manifest.config), what).platform;
  return image;
}

/// Adds an image's entries, or an index's members; an entry for a platform that is there already
/// would never be chosen.
void append_entries(const oci::Call& call, oci::Store& store, const Descriptor& root,
                    oci::Index& index) {
  std::vector<Descriptor> entries;
  if (oci::is_index(root.media_type)) {
    const std::string what = store.name() + "@" + root.digest.str();
    entries =
        std::get<oci::Index>(
            oci::parse_document(root.media_type, oci::fetch_document(call, store, root), what))
            .manifests;
  } else {
    entries.push_back(index_entry(call, store, root));
  }
  for (Descriptor& entry : entries) {
    for (const Descriptor& present : index.manifests) {
      if (entry.platform && entry.platform->os != "unknown" && entry.platform == present.platform &&
          entry.digest != present.digest) {
        throw oci::Error(oci::ErrorKind::usage,
                         fmt::format("two images for {}: {} and {}", entry.platform->str(),
                                     present.digest.str(), entry.digest.str()));
      }
    }
    index.manifests.push_back(std::move(entry));
  }
}

/// Whether content of one can be mounted in the other.
bool in_one_registry(const oci::Store& a, const oci::Store& b) {
  const auto first = a.mount_source();
  const auto second = b.mount_source();
  return first && second && first->origin == second->origin;
}

}  // namespace

oci::CopyOptions copy_options(const TransferOptions& options, std::vector<std::string> tags) {
  return {.tags = std::move(tags), .jobs = options.jobs, .present = options.present};
}

void check_for_docker(const oci::Call& call, oci::Store& from, const Descriptor& root) {
  const std::string what = from.name() + "@" + root.digest.str();
  oci::doing("for docker load", [&] {
    oci::select_image(
        root, oci::Platform::host(),
        [&](const Descriptor& one) { return oci::fetch_document(call, from, one); }, what);
  });
}

std::vector<Landed> copy_image(const oci::Call& call, Places& places, const Place& from,
                               const std::vector<Place>& to, const TransferOptions& options) {
  oci::Store& source = places.open(call, from, Use::read);
  const Descriptor root = oci::find_image(call, source, from.identifier(), options.platform);
  std::vector<Landed> landed;
  std::unique_ptr<oci::Store> nearer;
  for (Target& target : group_targets(to)) {
    if (target.tags.empty() && target.place.identifier().empty() && !from.tag().empty()) {
      target.tags.push_back(target.place.kind == Place::Kind::docker_archive && !from.local()
                                ? from.reference.name() + ":" + from.tag()
                                : from.tag());
    }
    if (const auto digest = oci::Digest::try_parse(target.place.identifier());
        digest && *digest != root.digest) {
      throw oci::Error(oci::ErrorKind::usage,
                       fmt::format("the destination asks for {}, but the image is {}",
                                   digest->str(), root.digest.str()));
    }
    if (target.place.kind == Place::Kind::docker_archive) check_for_docker(call, source, root);
    oci::Store& destination = places.open(call, target.place, options.use);
    // Within its own registry the source is mounted, which moves nothing at all.
    const bool near = nearer && !in_one_registry(source, destination);
    oci::copy(call, near ? *nearer : source, destination, root, copy_options(options, target.tags));
    if (!nearer && !from.local() && options.use == Use::write) {
      nearer = oci::make_nearer(destination, source);
    }
    landed.push_back({destination.name(), target.tags, root});
  }
  if (options.use == Use::write) places.commit(call);
  return landed;
}

Landed add_tags(const oci::Call& call, Places& places, const Place& image,
                const std::vector<std::string>& tags, Use use) {
  oci::Store& store = places.open(call, image, use);
  const Descriptor root = oci::find_image(call, store, image.identifier(), std::nullopt);
  const oci::Content document = oci::content_of(oci::fetch_document(call, store, root));
  for (const std::string& tag : tags) {
    if (!oci::is_tag(tag)) {
      throw oci::Error(oci::ErrorKind::usage,
                       fmt::format("'{}' is not a tag", oci::printable(tag)));
    }
  }
  for (const std::string& tag : tags) store.tag(call, root, document, tag);
  return {store.name(), tags, root};
}

Landed create_index(const oci::Call& call, Places& places, const Place& to,
                    const std::vector<Place>& images, std::string_view index_type,
                    const oci::Annotations& annotations, const TransferOptions& options) {
  oci::Store& destination = places.open(call, to, options.use);
  oci::Index index{.media_type = std::string(index_type),
                   .artifact_type = {},
                   .manifests = {},
                   .subject = std::nullopt,
                   .annotations = annotations};
  std::vector<std::pair<oci::Store*, Descriptor>> sources;
  for (const Place& image : images) {
    oci::Store& source = places.open(call, image, Use::read);
    const Descriptor root = oci::find_image(call, source, image.identifier(), options.platform);
    append_entries(call, source, root, index);
    if (image.store_name() != to.store_name()) sources.push_back({&source, root});
  }
  if (to.kind == Place::Kind::docker_archive) {
    oci::doing("for docker load",
               [&] { oci::select_platform(index, oci::Platform::host(), destination.name()); });
  }
  for (const auto& [source, root] : sources) {
    oci::copy(call, *source, destination, root, copy_options(options));
  }
  const std::string document = oci::to_json(index);
  const Descriptor root = oci::describe(index_type, document);
  const std::string tag = to.tag();
  if (tag.empty()) {
    destination.push(call, root, oci::content_of(document));
  } else {
    destination.tag(call, root, oci::content_of(document), tag);
  }
  if (options.use == Use::write) places.commit(call);
  return {destination.name(), tag.empty() ? std::vector<std::string>{} : std::vector{tag}, root};
}

}  // namespace davit::app
