#pragma once

#include <chrono>
#include <functional>

#include "transport/ecr/access.hpp"
#include "transport/ecr/place.hpp"
#include "transport/ecr/scan_report.hpp"

namespace davit::transport::ecr {

/// How long somebody waits, and how.
struct Waiting {
  std::chrono::seconds patience;
  std::function<void(std::chrono::milliseconds)> sleep;
  std::function<std::chrono::steady_clock::time_point()> now = std::chrono::steady_clock::now;
};

/// Starts a scan of an image; of an index, of its images. True if one was started, false if each
/// had its scan of the day already. Error(refused) where there is no image that can be scanned.
bool start_scan(const oci::Call& call, Access& access, const Place& place);

/// The findings of an image; of an index, at any depth, those of its images; sorted. Waits until
/// they are there: a scan that is complete, or active (enhanced scanning), and says the same twice
/// in a row, since AWS says "complete" before there are findings. Error(unavailable) after
/// `patience`; Error(failed) where an image cannot be scanned.
ScanReport wait_for_findings(const oci::Call& call, Access& access, const Place& place,
                             const Waiting& waiting);

/// The findings as they are now, sorted. Error(not_found) where an image was never scanned.
ScanReport read_findings(const oci::Call& call, Access& access, const Place& place);

}  // namespace davit::transport::ecr
