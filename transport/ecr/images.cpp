#include "transport/ecr/images.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <span>
#include <tuple>

#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"
#include "oci/base/log.hpp"
#include "oci/model/media_type.hpp"
#include "transport/ecr/calls.hpp"

namespace davit::transport::ecr {
namespace {

using oci::Json;

constexpr std::size_t batch_limit = 100;

Json image_ids(std::span<const std::string> which) {
  Json ids = Json::array();
  for (const std::string& one : which) {
    ids.push_back({{oci::Digest::try_parse(one) ? "imageDigest" : "imageTag", one}});
  }
  return ids;
}

std::vector<std::string> digests_of(std::span<const Image> images) {
  std::vector<std::string> digests;
  for (const Image& image : images) digests.push_back(image.digest);
  return digests;
}

/// Reads what BatchGetImage says of an image, an empty object if it says nothing.
void read_document(const Place& place, const Image& image, const Json& answer,
                   const std::function<void(const ReadDocument&)>& each) {
  const std::string name = fmt::format("{}@{}", place.name, oci::printable(image.digest));
  std::string text;
  std::optional<oci::Document> document;
  try {
    text = oci::string_member(answer, "imageManifest", name);
    if (text.empty()) throw oci::Error(oci::ErrorKind::not_found, name + ": no manifest was given");
    document =
        oci::parse_document(oci::string_member(answer, "imageManifestMediaType", name), text, name);
  } catch (const oci::Error& error) {
    oci::log(oci::LogLevel::warning, error.what());
  }
  each({image, text, document ? &*document : nullptr});
}

/// One call for at most 100 images: what it did not delete.
std::vector<DeletionFailure> delete_batch(Calls& calls, const Place& place,
                                          std::span<const std::string> which) {
  const std::string what = "deleting images of " + place.name;
  const Json answer = calls.call(
      "BatchDeleteImage", {{"repositoryName", place.name}, {"imageIds", image_ids(which)}}, what);
  std::vector<DeletionFailure> failures;
  for (const Json& failure : oci::array_member(answer, "failures", what)) {
    if (!failure.is_object()) continue;
    const Json& id = oci::object_member(failure, "imageId", what);
    std::string name = oci::string_member(id, "imageDigest", what);
    if (name.empty()) name = oci::string_member(id, "imageTag", what);
    failures.push_back({name, oci::string_member(failure, "failureCode", what) + ": " +
                                  oci::string_member(failure, "failureReason", what)});
  }
  return failures;
}

}  // namespace

std::vector<Image> list_images(const oci::Call& call, Access& access, const Place& place) {
  const std::string what = "listing the images of " + place.name;
  std::vector<Image> images;
  Calls calls(call, access, place.host);
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
         oci::object_member(summary, "findingSeverityCounts", what).members()) {
      if (count.is_unsigned()) image.findings[severity] = count.whole();
    }
    std::sort(image.tags.begin(), image.tags.end());
    images.push_back(std::move(image));
  }
  std::sort(images.begin(), images.end(), [](const Image& a, const Image& b) {
    return std::tie(b.pushed, a.digest) < std::tie(a.pushed, b.digest);
  });
  return images;
}

void read_documents(const oci::Call& call, Access& access, const Place& place,
                    const std::vector<Image>& images,
                    const std::function<void(const ReadDocument&)>& each) {
  const std::string what = "reading the manifests of " + place.name;
  Calls calls(call, access, place.host);
  for (std::size_t at = 0; at < images.size(); at += batch_limit) {
    const auto batch = std::span(images).subspan(at, std::min(batch_limit, images.size() - at));
    // All types are taken, so that nothing is converted.
    const Json answer =
        calls.call("BatchGetImage",
                   {{"repositoryName", place.name},
                    {"imageIds", image_ids(digests_of(batch))},
                    {"acceptedMediaTypes",
                     Json::array({oci::media::oci_index, oci::media::oci_manifest,
                                  oci::media::docker_list, oci::media::docker_manifest})}},
                   what);
    std::map<std::string, const Json*> found;  // by digest
    for (const Json& image : oci::array_member(answer, "images", what)) {
      if (!image.is_object()) continue;
      found[oci::string_member(oci::object_member(image, "imageId", what), "imageDigest", what)] =
          &image;
    }
    for (const Image& image : batch) {
      const auto one = found.find(image.digest);
      read_document(place, image, one == found.end() ? Json::object() : *one->second, each);
    }
  }
}

std::vector<DeletionFailure> delete_images(const oci::Call& call, Access& access,
                                           const Place& place,
                                           const std::vector<std::string>& which) {
  Calls calls(call, access, place.host);
  std::vector<DeletionFailure> final_failures;
  for (std::vector<std::string> left = which; !left.empty();) {
    std::vector<DeletionFailure> failures;
    for (std::size_t at = 0; at < left.size(); at += batch_limit) {
      const auto batch = std::span(left).subspan(at, std::min(batch_limit, left.size() - at));
      const auto more = delete_batch(calls, place, batch);
      failures.insert(failures.end(), more.begin(), more.end());
    }
    // Where nothing went, the next pass would find the same.
    const bool again = failures.size() < left.size();
    left.clear();
    for (DeletionFailure& failure : failures) {
      if (again && failure.why.starts_with("ImageReferencedByManifestList")) {
        left.push_back(std::move(failure.image));
      } else {
        final_failures.push_back(std::move(failure));
      }
    }
  }
  return final_failures;
}

void delete_image(const oci::Call& call, Access& access, const Place& place,
                  const std::string& which) {
  const auto failures = delete_images(call, access, place, {which});
  if (failures.empty()) return;
  const std::string& why = failures.front().why;
  throw oci::Error(
      why.starts_with("ImageNotFound") ? oci::ErrorKind::not_found : oci::ErrorKind::failed,
      fmt::format("{} of {} was not deleted: {}", oci::printable(which), place.name,
                  oci::printable(why)));
}

}  // namespace davit::transport::ecr
