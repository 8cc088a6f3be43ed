#include "transport/ecr/scan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <set>
#include <utility>

#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"
#include "oci/base/log.hpp"
#include "oci/model/manifest.hpp"
#include "transport/ecr/calls.hpp"

namespace davit::transport::ecr {
namespace {

using oci::Error;
using oci::ErrorKind;
using oci::Json;

constexpr std::chrono::seconds between_looks{5};
/// A service that never comes to an end is not followed for ever: pages of 1,000 findings.
constexpr int page_limit = 1000;
constexpr std::chrono::milliseconds first_look{500};

Json image_id(const Place& place) {
  if (place.digest) return Json{{"imageDigest", place.digest->str()}};
  return Json{{"imageTag", place.tag.value_or("latest")}};
}

std::string name_of(const Place& place) {
  return place.digest ? place.name + "@" + place.digest->str()
                      : place.name + ":" + place.tag.value_or("latest");
}

/// What BatchGetImage says of an image or index: its digest, and what it is.
struct Found {
  oci::Digest digest;
  oci::Document document;
};

Found look_at(Calls& calls, const Place& place) {
  const std::string what = "looking at " + name_of(place);
  const Json answer = calls.call(
      "BatchGetImage",
      {{"repositoryName", place.name},
       {"imageIds", Json::array({image_id(place)})},
       {"acceptedMediaTypes", Json::array({oci::media::oci_index, oci::media::oci_manifest,
                                           oci::media::docker_list, oci::media::docker_manifest})}},
      what);
  const Json& images = oci::array_member(answer, "images", what);
  if (images.empty() || !images[0].is_object()) {
    throw Error(ErrorKind::not_found, fmt::format("there is no image {}", name_of(place)));
  }
  return {
      oci::Digest::parse(
          oci::string_member(oci::object_member(images[0], "imageId", what), "imageDigest", what)),
      oci::parse_document(oci::string_member(images[0], "imageManifestMediaType", what),
                          oci::string_member(images[0], "imageManifest", what), name_of(place))};
}

/// What a scan is for: the image, or of an index each of its images (an index itself cannot be
/// scanned). What is left out of it goes into `left_out`.
class Subjects {
 public:
  Subjects(Calls& calls, const Place& place) : place_(place) {
    std::vector<oci::Digest> indexes;
    Found found = look_at(calls, place);
    if (std::holds_alternative<oci::Index>(found.document)) {
      seen_.insert(found.digest.str());
      indexes = add_images_of(std::get<oci::Index>(found.document));
    } else {
      add(found.digest);
    }
    while (!indexes.empty()) {
      Place inner = place;
      inner.digest = indexes.back();
      indexes.pop_back();
      found = look_at(calls, inner);
      if (!std::holds_alternative<oci::Index>(found.document)) continue;
      const auto more = add_images_of(std::get<oci::Index>(found.document));
      indexes.insert(indexes.end(), more.begin(), more.end());
    }
  }

  const std::vector<Place>& images() const { return images_; }
  std::vector<Unscanned> left_out() && { return std::move(left_out_); }

 private:
  static constexpr std::size_t greatest_count = 1000;

  void add(const oci::Digest& digest) {
    images_.push_back(place_);
    images_.back().digest = digest;
  }

  /// Returns the indexes that it lists. Each digest is met once, so that this comes to an end.
  std::vector<oci::Digest> add_images_of(const oci::Index& index) {
    std::vector<oci::Digest> nested;
    for (const oci::Descriptor& child : index.manifests) {
      if (!seen_.insert(child.digest.str()).second) continue;
      if (seen_.size() > greatest_count) {
        throw Error(ErrorKind::refused,
                    fmt::format("{} lists more than {} images", name_of(place_), greatest_count));
      }
      // No runtime ever takes what is for no platform. What is only said to be an attestation, but
      // is for a platform, is scanned like any image.
      const bool unknown = child.platform && child.platform->os == "unknown";
      if (oci::is_index(child.media_type)) {
        nested.push_back(child.digest);
      } else if (unknown && child.annotations.contains("vnd.docker.reference.type")) {
        left_out_.push_back({child.digest.str(), "an attestation"});
      } else {
        add(child.digest);
      }
    }
    return nested;
  }

  const Place& place_;
  std::set<std::string> seen_;  // digests
  std::vector<Place> images_;
  std::vector<Unscanned> left_out_;
};

/// The severity by AWS's word. A word that is not known may be grave, and so is the gravest.
Severity severity_of(const Json& finding, const std::string& id, std::string_view what) {
  const std::string word = oci::string_member(finding, "severity", what);
  if (const auto known = parse_severity(word)) return *known;
  oci::log(
      oci::LogLevel::warning,
      fmt::format("{}: '{}' of {} is no severity that is known here, and is taken for CRITICAL",
                  what, oci::printable(word), oci::printable(id)));
  return Severity::critical;
}

Finding basic_finding(const Json& json, std::string_view what) {
  Finding finding;
  finding.id = oci::string_member(json, "name", what);
  finding.severity = severity_of(json, finding.id, what);
  for (const Json& attribute : oci::array_member(json, "attributes", what)) {
    if (!attribute.is_object()) continue;
    const std::string key = oci::string_member(attribute, "key", what);
    if (key == "package_name") finding.package = oci::string_member(attribute, "value", what);
    if (key == "package_version") {
      finding.package += " " + oci::string_member(attribute, "value", what);
    }
  }
  return finding;
}

Finding enhanced_finding(const Json& json, std::string_view what) {
  Finding finding;
  const Json& details = oci::object_member(json, "packageVulnerabilityDetails", what);
  finding.id = oci::string_member(details, "vulnerabilityId", what);
  if (finding.id.empty()) finding.id = oci::string_member(json, "title", what);
  finding.severity = severity_of(json, finding.id, what);
  for (const Json& package : oci::array_member(details, "vulnerablePackages", what)) {
    if (!package.is_object()) continue;
    if (!finding.package.empty()) finding.package += ", ";
    finding.package += oci::string_member(package, "name", what) + " " +
                       oci::string_member(package, "version", what);
    finding.fixed_in = oci::string_member(package, "fixedInVersion", what);
  }
  return finding;
}

/// Adds what is known of one image to a report.
void read_one(Calls& calls, const Place& place, ScanReport& report) {
  const std::string what = "reading the scan of " + name_of(place);
  ScannedImage image{place.digest->str(), ""};
  std::vector<Finding> findings;
  Json input{{"repositoryName", place.name}, {"imageId", image_id(place)}, {"maxResults", 1000}};
  for (int page = 0;; ++page) {
    if (page == page_limit) throw Error(ErrorKind::failed, what + ": the list has no end");
    const auto answer =
        calls.find("DescribeImageScanFindings", input, "ScanNotFoundException", what);
    if (!answer) break;
    image.status =
        oci::string_member(oci::object_member(*answer, "imageScanStatus", what), "status", what);
    const Json& found = oci::object_member(*answer, "imageScanFindings", what);
    for (const Json& json : oci::array_member(found, "findings", what)) {
      if (json.is_object()) findings.push_back(basic_finding(json, what));
    }
    for (const Json& json : oci::array_member(found, "enhancedFindings", what)) {
      if (json.is_object()) findings.push_back(enhanced_finding(json, what));
    }
    const std::string next = oci::string_member(*answer, "nextToken", what);
    if (next.empty()) break;
    input["nextToken"] = next;
  }
  for (Finding& finding : findings) {
    finding.image = image.digest;
    report.findings.push_back(std::move(finding));
  }
  report.images.push_back(std::move(image));
}

/// Whether nothing more is to be expected; Error(failed) where nothing ever is.
bool is_done(const std::string& status, const Place& place) {
  static constexpr std::array<std::string_view, 6> hopeless = {
      "FAILED",         "UNSUPPORTED_IMAGE", "SCAN_ELIGIBILITY_EXPIRED", "FINDINGS_UNAVAILABLE",
      "LIMIT_EXCEEDED", "IMAGE_ARCHIVED"};
  if (std::find(hopeless.begin(), hopeless.end(), status) != hopeless.end()) {
    throw Error(ErrorKind::failed, fmt::format("{} was not scanned: {}", name_of(place), status));
  }
  return is_final(status);
}

}  // namespace

bool start_scan(const oci::Call& call, Access& access, const Place& place) {
  Calls calls(call, access, place.host);
  const Subjects subjects(calls, place);
  if (subjects.images().empty()) {
    throw Error(ErrorKind::refused, name_of(place) + " lists no image that can be scanned");
  }
  bool started = false;
  for (const Place& one : subjects.images()) {
    const auto answer =
        calls.find("StartImageScan", {{"repositoryName", one.name}, {"imageId", image_id(one)}},
                   "LimitExceededException", "scanning " + name_of(one));
    started = started || answer.has_value();
  }
  return started;
}

ScanReport read_findings(const oci::Call& call, Access& access, const Place& place) {
  Calls calls(call, access, place.host);
  Subjects subjects(calls, place);
  ScanReport report;
  for (const Place& one : subjects.images()) {
    read_one(calls, one, report);
    if (report.images.back().status.empty()) {
      throw Error(ErrorKind::not_found, fmt::format("{} was not scanned yet", name_of(one)),
                  oci::Advice::start_scan);
    }
  }
  report.left_out = std::move(subjects).left_out();
  report.sort();
  return report;
}

ScanReport wait_for_findings(const oci::Call& call, Access& access, const Place& place,
                             const Waiting& waiting) {
  Calls calls(call, access, place.host);
  const auto until = waiting.now() + waiting.patience;
  Subjects subjects(calls, place);
  ScanReport report;
  for (const Place& one : subjects.images()) {
    std::optional<std::size_t> before;
    for (std::chrono::milliseconds wait = first_look;; wait = between_looks) {
      ScanReport now;
      read_one(calls, one, now);
      const std::string status = now.images.front().status;
      const bool done = is_done(status, one);
      if (done && before == now.findings.size()) {
        report.images.push_back(std::move(now.images.front()));
        std::move(now.findings.begin(), now.findings.end(), std::back_inserter(report.findings));
        break;
      }
      if (done) before = now.findings.size();
      if (waiting.now() + wait > until) {
        throw Error(ErrorKind::unavailable,
                    fmt::format("the scan of {} has not come to an end: {}", name_of(one),
                                status.empty() ? "it was not begun" : oci::printable(status)),
                    oci::Advice::wait_longer);
      }
      waiting.sleep(wait);
    }
  }
  report.left_out = std::move(subjects).left_out();
  report.sort();
  return report;
}

}  // namespace davit::transport::ecr
