#include "transport/ecr/images.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"
#include "oci/model/manifest.hpp"
#include "oci/model/media_type.hpp"
#include "transport/ecr/calls.hpp"

namespace davit::transport::ecr {
namespace {

using oci::Json;

constexpr std::size_t batch_limit = 100;

/// "*" stands for any characters.
bool matches(std::string_view pattern, std::string_view text) {
  const auto star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == text;
  if (!text.starts_with(pattern.substr(0, star))) return false;
  pattern.remove_prefix(star + 1);
  for (std::size_t at = star; at <= text.size(); ++at) {
    if (matches(pattern, text.substr(at))) return true;
  }
  return false;
}

Json image_ids(const std::vector<std::string>& which) {
  Json ids = Json::array();
  for (const std::string& one : which) {
    ids.push_back({{oci::Digest::try_parse(one) ? "imageDigest" : "imageTag", one}});
  }
  return ids;
}

std::vector<std::string> digests_of(const std::vector<Image>& images) {
  std::vector<std::string> digests;
  for (const Image& image : images) digests.push_back(image.digest);
  return digests;
}

/// Calls `each` with the parsed manifests of images, fetched 100 in a call.
template <class Each>
void for_documents(Access& access, const Place& place, const std::vector<Image>& images,
                   const Each& each) {
  const std::string what = "reading the manifests of " + place.name;
  Calls calls(access, place.host);
  const std::vector<std::string> digests = digests_of(images);
  for (std::size_t at = 0; at < digests.size(); at += batch_limit) {
    const auto begin = digests.begin() + static_cast<std::ptrdiff_t>(at);
    const auto end =
        digests.begin() + static_cast<std::ptrdiff_t>(std::min(at + batch_limit, digests.size()));
    // All types are taken, so that nothing is converted.
    const Json answer = calls.call("BatchGetImage",
                                   {{"repositoryName", place.name},
                                    {"imageIds", image_ids({begin, end})},
                                    {"acceptedMediaTypes",
                                     {oci::media::oci_index, oci::media::oci_manifest,
                                      oci::media::docker_list, oci::media::docker_manifest}}},
                                   what);
    for (const Json& image : oci::array_member(answer, "images", what)) {
      if (!image.is_object()) continue;
      const std::string digest =
          oci::string_member(oci::object_member(image, "imageId", what), "imageDigest", what);
      const std::string type = oci::string_member(image, "imageManifestMediaType", what);
      const std::string text = oci::string_member(image, "imageManifest", what);
      each(digest, oci::parse_document(type, text, place.name + "@" + digest));
    }
  }
}

}  // namespace

std::vector<Image> list_images(Access& access, const Place& place) {
  const std::string what = "listing the images of " + place.name;
  std::vector<Image> images;
  Calls calls(access, place.host);
  for (const Json& json :
       calls.pages("DescribeImages", {{"repositoryName", place.name}}, "imageDetails", what)) {
    Image image;
    image.digest = oci::string_member(json, "imageDigest", what);
    image.tags = texts_member(json, "imageTags", what);
    image.media_type = oci::string_member(json, "imageManifestMediaType", what);
    image.subject = oci::string_member(json, "subjectManifestDigest", what);
    image.size = static_cast<std::uint64_t>(number_member(json, "imageSizeInBytes"));
    image.pushed = number_member(json, "imagePushedAt");
    image.last_pull = number_member(json, "lastRecordedPullTime");
    const Json& summary = oci::object_member(json, "imageScanFindingsSummary", what);
    for (const auto& [severity, count] :
         oci::object_member(summary, "findingSeverityCounts", what).items()) {
      if (count.is_number_unsigned()) image.findings[severity] = count.get<std::uint64_t>();
    }
    std::sort(image.tags.begin(), image.tags.end());
    images.push_back(std::move(image));
  }
  std::sort(images.begin(), images.end(), [](const Image& a, const Image& b) {
    return std::tie(b.pushed, a.digest) < std::tie(a.pushed, b.digest);
  });
  return images;
}

std::vector<DeletionFailure> delete_images(Access& access, const Place& place,
                                           const std::vector<std::string>& which) {
  const std::string what = "deleting images of " + place.name;
  Calls calls(access, place.host);
  std::vector<DeletionFailure> failures;
  for (std::size_t at = 0; at < which.size(); at += batch_limit) {
    const auto begin = which.begin() + static_cast<std::ptrdiff_t>(at);
    const auto end =
        which.begin() + static_cast<std::ptrdiff_t>(std::min(at + batch_limit, which.size()));
    const Json answer =
        calls.call("BatchDeleteImage",
                   {{"repositoryName", place.name}, {"imageIds", image_ids({begin, end})}}, what);
    for (const Json& failure : oci::array_member(answer, "failures", what)) {
      if (!failure.is_object()) continue;
      const Json& id = oci::object_member(failure, "imageId", what);
      std::string name = oci::string_member(id, "imageDigest", what);
      if (name.empty()) name = oci::string_member(id, "imageTag", what);
      failures.push_back({name, oci::string_member(failure, "failureCode", what) + ": " +
                                    oci::string_member(failure, "failureReason", what)});
    }
  }
  return failures;
}

void delete_image(Access& access, const Place& place, const std::string& which) {
  const auto failures = delete_images(access, place, {which});
  if (failures.empty()) return;
  const std::string& why = failures.front().why;
  throw oci::Error(
      why.starts_with("ImageNotFound") ? oci::ErrorKind::not_found : oci::ErrorKind::failed,
      fmt::format("{} of {} was not deleted: {}", oci::printable(which), place.name,
                  oci::printable(why)));
}

std::vector<Image> plan_clean(Access& access, const Place& place, const std::vector<Image>& images,
                              const CleanRules& rules) {
  std::map<std::string, std::vector<std::string>> children;
  for_documents(access, place, images,
                [&](const std::string& digest, const oci::Document& document) {
                  if (const auto* index = std::get_if<oci::Index>(&document)) {
                    for (const oci::Descriptor& child : index->manifests) {
                      children[digest].push_back(child.digest.str());
                    }
                  }
                });
  std::set<std::string> is_child;
  for (const auto& [parent, all] : children) is_child.insert(all.begin(), all.end());

  std::vector<std::string> kept;
  std::size_t newest = 0;
  for (const Image& image : images) {
    const bool named = std::any_of(rules.keep.begin(), rules.keep.end(), [&](const auto& pattern) {
      return pattern == image.digest ||
             std::any_of(image.tags.begin(), image.tags.end(),
                         [&](const std::string& tag) { return matches(pattern, tag); });
    });
    const bool tagged = !image.tags.empty();
    const bool among_newest = tagged && newest < rules.keep_last;
    if (tagged) ++newest;
    const bool young = rules.older_than != 0 && image.pushed >= rules.older_than;
    const bool spared = tagged && rules.which == CleanRules::Which::untagged;
    // Children and referrers stay or go with what they belong to.
    if (is_child.contains(image.digest) || !image.subject.empty()) continue;
    if (named || among_newest || young || spared) kept.push_back(image.digest);
  }
  std::set<std::string> needed;
  while (!kept.empty()) {
    const std::string digest = kept.back();
    kept.pop_back();
    if (!needed.insert(digest).second) continue;
    for (const std::string& child : children[digest]) kept.push_back(child);
    for (const Image& image : images) {
      if (image.subject == digest) kept.push_back(image.digest);
    }
  }
  // An index goes before its children: ECR deletes nothing that an index lists.
  std::vector<Image> gone;
  for (const bool indexes : {true, false}) {
    for (const Image& image : images) {
      if (!needed.contains(image.digest) && oci::is_index(image.media_type) == indexes) {
        gone.push_back(image);
      }
    }
  }
  return gone;
}

Usage disk_usage(Access& access, const Place& place) {
  Usage usage;
  usage.repository = place.name;
  const std::vector<Image> images = list_images(access, place);
  for (const Image& image : images) {
    ++usage.images;
    usage.tags += image.tags.size();
    usage.billed += image.size;
  }
  std::map<std::string, std::uint64_t> blobs;
  for_documents(access, place, images, [&](const std::string&, const oci::Document& document) {
    const auto* manifest = std::get_if<oci::Manifest>(&document);
    if (manifest == nullptr) return;
    blobs[manifest->config.digest.str()] = manifest->config.size;
    for (const oci::Descriptor& layer : manifest->layers) blobs[layer.digest.str()] = layer.size;
  });
  for (const auto& [digest, size] : blobs) usage.distinct += size;
  return usage;
}

}  // namespace davit::transport::ecr
