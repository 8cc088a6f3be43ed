#include "transport/ecr/scan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"
#include "oci/base/tasks.hpp"
#include "oci/model/manifest.hpp"
#include "transport/ecr/calls.hpp"
#include "transport/http/url.hpp"

namespace davit::transport::ecr {
namespace {

using oci::Error;
using oci::ErrorKind;
using oci::Json;

constexpr std::array<std::string_view, 6> names = {"UNDEFINED", "INFORMATIONAL", "LOW",
                                                   "MEDIUM",    "HIGH",          "CRITICAL"};
constexpr std::chrono::seconds between_looks{5};
constexpr std::chrono::milliseconds first_look{500};

Json image_id(const Place& place) {
  if (place.digest) return {{"imageDigest", place.digest->str()}};
  return {{"imageTag", place.tag.value_or("latest")}};
}

std::string name_of(const Place& place) {
  return place.digest ? place.name + "@" + place.digest->str()
                      : place.name + ":" + place.tag.value_or("latest");
}

/// What is scanned: the image, or of an index each of its images (an index itself cannot be).
std::vector<Place> scanned(Access& access, const Place& place) {
  const std::string what = "looking at " + name_of(place);
  const Json answer = Calls(access, place.host)
                          .call("BatchGetImage",
                                {{"repositoryName", place.name},
                                 {"imageIds", {image_id(place)}},
                                 {"acceptedMediaTypes",
                                  {oci::media::oci_index, oci::media::oci_manifest,
                                   oci::media::docker_list, oci::media::docker_manifest}}},
                                what);
  const Json& images = oci::array_member(answer, "images", what);
  if (images.empty() || !images[0].is_object()) {
    throw Error(ErrorKind::not_found, fmt::format("there is no image {}", name_of(place)));
  }
  const oci::Document document =
      oci::parse_document(oci::string_member(images[0], "imageManifestMediaType", what),
                          oci::string_member(images[0], "imageManifest", what), name_of(place));
  Place one = place;
  one.digest = oci::Digest::parse(
      oci::string_member(oci::object_member(images[0], "imageId", what), "imageDigest", what));
  const auto* index = std::get_if<oci::Index>(&document);
  if (index == nullptr) return {one};
  std::vector<Place> all;
  for (const oci::Descriptor& child : index->manifests) {
    // Attestations are said to be for no platform.
    if (child.platform && child.platform->os == "unknown") continue;
    one.digest = child.digest;
    all.push_back(one);
  }
  return all;
}

Finding basic_finding(const Json& json, std::string_view what) {
  Finding finding;
  finding.id = oci::string_member(json, "name", what);
  finding.severity =
      parse_severity(oci::string_member(json, "severity", what)).value_or(Severity::undefined);
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
  finding.severity =
      parse_severity(oci::string_member(json, "severity", what)).value_or(Severity::undefined);
  for (const Json& package : oci::array_member(details, "vulnerablePackages", what)) {
    if (!package.is_object()) continue;
    if (!finding.package.empty()) finding.package += ", ";
    finding.package += oci::string_member(package, "name", what) + " " +
                       oci::string_member(package, "version", what);
    finding.fixed_in = oci::string_member(package, "fixedInVersion", what);
  }
  return finding;
}

/// Of one image. No status: it was not scanned yet.
ScanReport read_one(Calls& calls, const Place& place) {
  const std::string what = "reading the scan of " + name_of(place);
  ScanReport report;
  Json input{{"repositoryName", place.name}, {"imageId", image_id(place)}, {"maxResults", 1000}};
  while (true) {
    const auto answer =
        calls.find("DescribeImageScanFindings", input, "ScanNotFoundException", what);
    if (!answer) return report;
    report.status =
        oci::string_member(oci::object_member(*answer, "imageScanStatus", what), "status", what);
    const Json& found = oci::object_member(*answer, "imageScanFindings", what);
    for (const Json& json : oci::array_member(found, "findings", what)) {
      if (json.is_object()) report.findings.push_back(basic_finding(json, what));
    }
    for (const Json& json : oci::array_member(found, "enhancedFindings", what)) {
      if (json.is_object()) report.findings.push_back(enhanced_finding(json, what));
    }
    const std::string next = oci::string_member(*answer, "nextToken", what);
    if (next.empty()) break;
    input["nextToken"] = next;
  }
  for (Finding& finding : report.findings) finding.image = place.digest->str();
  return report;
}

/// Whether nothing more is to be expected; throws where nothing ever is.
bool is_done(const std::string& status, const Place& place) {
  static constexpr std::array<std::string_view, 6> hopeless = {
      "FAILED",         "UNSUPPORTED_IMAGE", "SCAN_ELIGIBILITY_EXPIRED", "FINDINGS_UNAVAILABLE",
      "LIMIT_EXCEEDED", "IMAGE_ARCHIVED"};
  if (std::find(hopeless.begin(), hopeless.end(), status) != hopeless.end()) {
    throw Error(ErrorKind::failed, fmt::format("{} was not scanned: {}", name_of(place), status));
  }
  return status == "COMPLETE" || status == "ACTIVE";
}

ScanReport joined(std::vector<ScanReport> reports) {
  ScanReport all;
  for (ScanReport& report : reports) {
    if (all.status.empty() || report.status.empty()) all.status = report.status;
    std::move(report.findings.begin(), report.findings.end(), std::back_inserter(all.findings));
  }
  std::stable_sort(all.findings.begin(), all.findings.end(),
                   [](const Finding& a, const Finding& b) {
                     return std::tie(b.severity, a.id) < std::tie(a.severity, b.id);
                   });
  return all;
}

}  // namespace

std::optional<Severity> parse_severity(std::string_view text) {
  const std::string lower = transport::lower_case(text);
  if (lower == "untriaged") return Severity::undefined;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (transport::lower_case(names[i]) == lower) return static_cast<Severity>(i);
  }
  return std::nullopt;
}

std::string_view severity_name(Severity severity) {
  return names[static_cast<std::size_t>(severity)];
}

bool start_scan(Access& access, const Place& place) {
  Calls calls(access, place.host);
  bool started = false;
  for (const Place& one : scanned(access, place)) {
    const auto answer =
        calls.find("StartImageScan", {{"repositoryName", one.name}, {"imageId", image_id(one)}},
                   "LimitExceededException", "scanning " + name_of(one));
    started = started || answer.has_value();
  }
  return started;
}

ScanReport read_findings(Access& access, const Place& place) {
  Calls calls(access, place.host);
  std::vector<ScanReport> reports;
  for (const Place& one : scanned(access, place)) {
    reports.push_back(read_one(calls, one));
    if (reports.back().status.empty()) {
      throw Error(ErrorKind::not_found, fmt::format("{} was not scanned yet", name_of(one)),
                  oci::Advice::start_scan);
    }
  }
  return joined(std::move(reports));
}

ScanReport wait_for_findings(Access& access, const Place& place, std::chrono::seconds patience,
                             const std::stop_token& stop) {
  Calls calls(access, place.host);
  const auto until = std::chrono::steady_clock::now() + patience;
  std::vector<ScanReport> reports;
  for (const Place& one : scanned(access, place)) {
    std::optional<std::size_t> before;
    for (std::chrono::milliseconds wait = first_look;; wait = between_looks) {
      ScanReport report = read_one(calls, one);
      const bool done = is_done(report.status, one);
      if (done && before == report.findings.size()) {
        reports.push_back(std::move(report));
        break;
      }
      if (done) before = report.findings.size();
      if (std::chrono::steady_clock::now() + wait > until) {
        throw Error(ErrorKind::unavailable,
                    fmt::format("the scan of {} has not come to an end: {}", name_of(one),
                                report.status.empty() ? "it was not begun" : report.status),
                    oci::Advice::wait_longer);
      }
      oci::sleep_for(wait, stop);
    }
  }
  return joined(std::move(reports));
}

}  // namespace davit::transport::ecr
