#include "transport/ecr/scan_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <tuple>

#include "oci/base/bytes.hpp"
#include "oci/base/text.hpp"

namespace davit::transport::ecr {
namespace {

constexpr std::array<std::string_view, 6> names = {"UNDEFINED", "INFORMATIONAL", "LOW",
                                                   "MEDIUM",    "HIGH",          "CRITICAL"};

}  // namespace

bool is_final(std::string_view status) { return status == "COMPLETE" || status == "ACTIVE"; }

std::optional<Severity> parse_severity(std::string_view text) {
  const std::string lower = oci::lower_case(text);
  if (lower == "untriaged") return Severity::undefined;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (oci::lower_case(names[i]) == lower) return static_cast<Severity>(i);
  }
  return std::nullopt;
}

std::string_view severity_name(Severity severity) {
  return names[static_cast<std::size_t>(severity)];
}

std::string ScanReport::status() const {
  for (const ScannedImage& image : images) {
    if (!is_final(image.status)) return image.status;
  }
  return images.empty() ? "" : images.front().status;
}

std::optional<std::string> objection(const ScanReport& report, Severity least) {
  if (report.images.empty()) return "no image of it was scanned";
  for (const ScannedImage& image : report.images) {
    if (!is_final(image.status)) {
      return fmt::format(
          "{} is not scanned to the end: {}", oci::printable(image.digest),
          image.status.empty() ? "the scan was not begun" : oci::printable(image.status));
    }
  }
  const auto bad = std::count_if(report.findings.begin(), report.findings.end(),
                                 [&](const Finding& one) { return one.severity >= least; });
  if (bad == 0) return std::nullopt;
  return fmt::format("it has {} finding{} of severity {} or above", bad, bad == 1 ? "" : "s",
                     severity_name(least));
}

void ScanReport::sort() {
  std::stable_sort(findings.begin(), findings.end(), [](const Finding& a, const Finding& b) {
    return std::tie(b.severity, a.id) < std::tie(a.severity, b.id);
  });
}

}  // namespace davit::transport::ecr
