#include "src/ops/bundle.hpp"

#include <fmt/format.h>

#include "oci/base/error.hpp"
#include "oci/base/file.hpp"
#include "oci/base/tasks.hpp"
#include "oci/image/inspect.hpp"
#include "oci/model/json.hpp"
#include "oci/store/closure.hpp"
#include "oci/store/plan.hpp"
#include "oci/store/without.hpp"

namespace davit::app {
namespace {

using oci::Descriptor;
using oci::Digest;
using oci::Error;
using oci::ErrorKind;

constexpr std::uint64_t list_limit = 64 * oci::MiB;

/// What a root refers to, itself included, as far as the store has the documents.
std::vector<Descriptor> reachable(const oci::Call& call, oci::Store& store, const Descriptor& root,
                                  std::vector<Descriptor>& missing) {
  const oci::Closure all =
      oci::closure(call, store, root,
                   {.foreign_layers = oci::ForeignLayers::skip,
                    .leave_out = [&](const oci::Call& inner, const Descriptor& one) {
                      return !store.has(inner, one);
                    }});
  std::vector<Descriptor> found;
  for (const oci::PlannedDocument& document : all.documents) found.push_back(document.descriptor);
  for (const Descriptor& blob : all.blobs)
    (store.has(call, blob) ? found : missing).push_back(blob);
  missing.insert(missing.end(), all.left_out.begin(), all.left_out.end());
  return found;
}

Bundled describe(const oci::Call& call, oci::Store& store, const std::string& name) {
  Bundled image{.name = name, .root = oci::require(call, store, name)};
  for (const Descriptor& one : reachable(call, store, image.root, image.missing))
    image.size += one.size;
  return image;
}

std::string full_name(const Place& place, const Descriptor& root) {
  if (place.local()) {
    if (!place.tag().empty()) return place.tag();
    throw Error(ErrorKind::usage, place.store_name() +
                                      " names no tag, by which the bundle would "
                                      "know it");
  }
  const oci::Reference& reference = place.reference;
  if (!reference.tag && reference.digest) return reference.name() + "@" + root.digest.str();
  return reference.name() + ":" + reference.tag.value_or("latest");
}

/// "registry.example/mirror" + "docker.io/library/alpine:3".
Place destination_of(const std::string& prefix, const std::string& name) {
  const oci::Reference reference = oci::Reference::parse(name);
  std::string text = prefix + "/" + reference.repository;
  if (reference.tag) text += ":" + *reference.tag;
  return Place::parse(text);
}

}  // namespace

std::vector<Bundled> save_bundle(const oci::Call& call, Places& places,
                                 const std::filesystem::path& file,
                                 const std::vector<Place>& images, const SaveOptions& options) {
  const auto archive =
      oci::open_archive(call, file, oci::OpenMode::create, options.format, options.volume_size);
  const auto bundle = oci::make_without(*archive, options.without);
  oci::Plan plan(*bundle, copy_options(options.transfer));
  std::vector<std::string> names;
  for (const Place& place : images) {
    oci::Store& from = places.open(call, place, Use::read);
    const Descriptor root =
        oci::find_image(call, from, place.identifier(), options.transfer.platform);
    names.push_back(full_name(place, root));
    if (options.format == oci::ArchiveFormat::docker) check_for_docker(call, from, root);
    plan.add(call, from, root, {names.back()});
    if (!options.referrers) continue;
    for (const Descriptor& one : oci::all_referrers(call, from, root.digest))
      plan.add(call, from, one, {});
  }
  try {
    plan.run(call);
  } catch (const Error& error) {
    const std::filesystem::path part = file.native() + ".part";
    const bool kept =
        std::filesystem::exists(part) || std::filesystem::exists(part.native() + ".001");
    if (!kept || error.has_hint()) throw;
    throw Error(error.kind(), error.what(),
                fmt::format("what came is in {}; the same command goes on from there",
                            oci::printable(part.native())));
  }
  std::vector<Bundled> saved;
  for (const std::string& name : names) saved.push_back(describe(call, *archive, name));
  archive->commit(call);
  return saved;
}

std::vector<Bundled> list_bundle(const oci::Call& call, const std::filesystem::path& file) {
  const auto archive = oci::open_archive(call, file, oci::OpenMode::existing);
  std::vector<Bundled> images;
  for (const std::string& name : archive->tags(call))
    images.push_back(describe(call, *archive, name));
  return images;
}

std::set<Digest> bundle_contents(const oci::Call& call, const std::filesystem::path& file) {
  std::set<Digest> digests;
  const std::string name = oci::printable(file.native());
  std::array<std::byte, 1> first{};
  std::error_code ignored;  // What is missing may be there as volumes.
  if (std::filesystem::exists(file, ignored) &&
      oci::read_some(oci::open_file(file, O_RDONLY).get(), first, name) == 1 &&
      first[0] == std::byte{'{'}) {
    const oci::Json json = oci::parse_json(oci::read_file(file, list_limit), name);
    for (const oci::Json& digest : oci::array_member(json, "digests", name)) {
      if (digest.is_string()) digests.insert(Digest::parse(digest.string()));
    }
    return digests;
  }
  const auto archive = oci::open_archive(call, file, oci::OpenMode::existing);
  for (const std::string& tag : archive->tags(call)) {
    std::vector<Descriptor> missing;
    for (const Descriptor& one :
         reachable(call, *archive, oci::require(call, *archive, tag), missing)) {
      digests.insert(one.digest);
    }
    // A delta was made for a receiver that has the rest, so what it lacks counts as present.
    for (const Descriptor& one : missing) digests.insert(one.digest);
  }
  return digests;
}

std::vector<Bundled> verify_bundle(const oci::Call& call, const std::filesystem::path& file,
                                   Completeness completeness, const TransferOptions& options) {
  const auto archive = oci::open_archive(call, file, oci::OpenMode::existing);
  std::vector<Bundled> images;
  std::set<Digest> seen;
  std::vector<Descriptor> wanted;
  for (const std::string& name : archive->tags(call)) {
    images.push_back(describe(call, *archive, name));
    const Bundled& image = images.back();
    if (completeness == Completeness::whole && !image.missing.empty()) {
      throw Error(ErrorKind::not_found,
                  fmt::format("{} lacks {} of {}", archive->name(),
                              image.missing.front().digest.str(), name),
                  oci::Advice::expect_delta);
    }
    std::vector<Descriptor> missing;
    for (const Descriptor& one : reachable(call, *archive, image.root, missing)) {
      if (seen.insert(one.digest).second) wanted.push_back(one);
    }
  }
  oci::TaskGroup group(options.jobs, call);
  for (const Descriptor& one : wanted) {
    group.run([&] {
      oci::BlobEvent event{.id = one.digest.str(),
                           .kind = "blob",
                           .state = oci::BlobState::checking,
                           .total = one.size};
      oci::NullSink nowhere;
      oci::ProgressSink reported(nowhere, group.call(), event);
      archive->fetch(group.call(), one, reported);
    });
  }
  group.wait();
  return images;
}

std::vector<Landed> load_bundle(const oci::Call& call, Places& places,
                                const std::filesystem::path& file, const std::string& prefix,
                                const TransferOptions& options) {
  const auto archive = oci::open_archive(call, file, oci::OpenMode::existing);
  std::vector<Landed> landed;
  for (const std::string& name : archive->tags(call)) {
    const Place place = destination_of(prefix, name);
    oci::Store& to = places.open(call, place, options.use);
    const Descriptor root = oci::require(call, *archive, name);
    oci::CopyOptions copy = copy_options(options);
    const bool by_tag = name.find('@') == std::string::npos;
    if (by_tag) copy.tags = {place.tag()};
    oci::doing("loading " + name, [&] { oci::copy(call, *archive, to, root, copy); });
    // Signatures and SBOMs are copied with the image that they refer to.
    for (const Descriptor& one : oci::all_referrers(call, *archive, root.digest)) {
      oci::copy(call, *archive, to, one, copy_options(options));
    }
    landed.push_back({to.name(), copy.tags, root});
  }
  return landed;
}

}  // namespace davit::app
