#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "transport/ecr/access.hpp"
#include "transport/ecr/place.hpp"

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

struct ScanReport {
  std::string status;  ///< "COMPLETE", "ACTIVE", ...
  std::vector<Finding> findings;
};

/// Starts a scan. True if one was started, false if the image had its scan of the day already.
bool start_scan(Access& access, const Place& place);

/// The findings of an image; of an index, those of its images. Waits until they are there: a scan
/// that is complete, or active (enhanced scanning), and says the same twice in a row, since AWS
/// says "complete" before there are findings. Error(unavailable) after `patience`; Error(failed)
/// where the image cannot be scanned.
ScanReport wait_for_findings(Access& access, const Place& place, std::chrono::seconds patience,
                             const std::stop_token& stop);

/// The findings as they are now.
ScanReport read_findings(Access& access, const Place& place);

}  // namespace davit::transport::ecr
