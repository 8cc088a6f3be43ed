#include "transport/ecr/usage.hpp"

namespace davit::transport::ecr {

void UsageCounter::add_blob(const std::string& digest, std::uint64_t size) {
  if (known_.insert(digest).second) usage_.distinct += size;
}

void UsageCounter::add(const Image& image, const oci::Document* document) {
  ++usage_.images;
  usage_.tags += image.tags.size();
  usage_.billed += image.size;
  if (document == nullptr) {
    usage_.distinct += image.size;
    return;
  }
  // An index has no blobs of its own: what it lists are images, and counted as such.
  const auto* manifest = std::get_if<oci::Manifest>(document);
  if (manifest == nullptr) return;
  add_blob(manifest->config.digest.str(), manifest->config.size);
  for (const oci::Descriptor& layer : manifest->layers) add_blob(layer.digest.str(), layer.size);
}

Usage disk_usage(const oci::Call& call, Access& access, const Place& place) {
  UsageCounter counter(place.name);
  read_documents(call, access, place, list_images(call, access, place),
                 [&](const ReadDocument& read) { counter.add(read.image, read.document); });
  return counter.usage();
}

}  // namespace davit::transport::ecr
