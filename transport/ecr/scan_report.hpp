#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace davit::transport::ecr {

/// From harmless on; what AWS calls UNDEFINED and UNTRIAGED is the least.
enum class Severity { undefined, informational, low, medium, high, critical };

/// "critical", "HIGH". Nothing for other words.
std::optional<Severity> parse_severity(std::string_view text);
std::string_view severity_name(Severity severity);

struct Finding {
  std::string id;  ///< "CVE-2024-1"
  Severity severity = Severity::undefined;
  std::string package;
  std::string fixed_in;  ///< empty: no fix is known
  std::string image;     ///< the digest of the image that has it
};

/// An image whose scan was read.
struct ScannedImage {
  std::string digest;
  std::string status;  ///< "COMPLETE", "ACTIVE", "IN_PROGRESS", ...; empty: no scan was begun
};

/// Whether a scan of this status is complete, or active (enhanced scanning, which never ends).
bool is_final(std::string_view status);

/// What an index lists beside its images, which no scan is for.
struct Unscanned {
  std::string digest;
  std::string why;
};

struct ScanReport {
  std::vector<ScannedImage> images;
  std::vector<Unscanned> left_out;
  std::vector<Finding> findings;

  /// Of all images: the first that is not final, else the first. Empty if there are none.
  std::string status() const;
  /// The gravest findings first, of one severity by name.
  void sort();
};

/// Why a report lets nothing pass; nothing if it does. That is findings of this severity or above,
/// an image whose scan is not complete, and a report of no image at all: a gate that has nothing to
/// judge is closed.
std::optional<std::string> objection(const ScanReport& report, Severity least);

}  // namespace davit::transport::ecr
