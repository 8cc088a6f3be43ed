#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"
#include "oci/base/file.hpp"
#include "oci/base/tasks.hpp"
#include "oci/base/text.hpp"
#include "src/cli/ecr_command.hpp"
#include "src/cli/terminal.hpp"
#include "transport/ecr/scan.hpp"

namespace davit::app {
namespace {

using oci::Error;
using oci::ErrorKind;
using oci::printable;

constexpr std::uint64_t list_limit = 1024 * 1024;

struct ScanWords : EcrWords {
  std::string fail_on;
  std::vector<std::string> ignore;
  std::string ignore_file;
  std::size_t wait = 300;
};

/// The findings that a person has found to be harmless.
std::set<std::string> ignored(const ScanWords& words) {
  std::set<std::string> names(words.ignore.begin(), words.ignore.end());
  if (words.ignore_file.empty()) return names;
  const auto listed = oci::listed_names(read_input(words.ignore_file, list_limit));
  names.insert(listed.begin(), listed.end());
  return names;
}

void print(Output& out, const ecr::ScanReport& report) {
  out.member("status", report.status());
  oci::Json images = oci::Json::array();
  for (const ecr::ScannedImage& image : report.images) {
    images.push_back({{"digest", image.digest}, {"status", image.status}});
  }
  out.member("images", images);
  oci::Json left_out = oci::Json::array();
  for (const ecr::Unscanned& one : report.left_out) {
    left_out.push_back({{"digest", one.digest}, {"why", one.why}});
  }
  out.member("notScanned", left_out);
  out.table("findings", {{"", "id"},
                         {"SEVERITY", "severity"},
                         {"FINDING", ""},
                         {"PACKAGE", "package"},
                         {"FIXED IN", "fixedIn"},
                         {"", "image"}});
  for (const ecr::Finding& finding : report.findings) {
    out.row({finding.id, ecr::severity_name(finding.severity), finding.id, finding.package,
             finding.fixed_in, finding.image});
  }
}

void gate(const ecr::ScanReport& report, const ScanWords& words) {
  if (words.fail_on.empty()) return;
  const auto why = ecr::objection(report, *ecr::parse_severity(words.fail_on));
  if (!why) return;
  throw Error(ErrorKind::refused, fmt::format("{}: {}", printable(words.place), *why),
              report.findings.empty()
                  ? ""
                  : "a finding that is known to be harmless is left out by --ignore");
}

void check(const ScanWords& words) {
  if (!words.fail_on.empty() && !ecr::parse_severity(words.fail_on)) {
    throw Error(ErrorKind::usage,
                fmt::format("--fail-on: '{}' is not critical, high, medium, low or informational",
                            printable(words.fail_on)));
  }
}

ecr::ScanReport without(ecr::ScanReport report, const std::set<std::string>& names) {
  std::erase_if(report.findings,
                [&](const ecr::Finding& finding) { return names.contains(finding.id); });
  return report;
}

}  // namespace

void declare_ecr_scan(Arguments family) {
  auto start = std::make_shared<ScanWords>();
  Arguments starting = family.command("start", "start a scan (basic scanning)");
  start->declare_region(starting);
  starting.positional("IMAGE", start->place, "NAME:TAG or NAME@DIGEST");
  declare_common(starting);
  starting.run([start](Session& session) {
    const bool started =
        ecr::start_scan(session.call(), session.ecr(), start->parse_place(session));
    if (!started) session.remark("it had its scan of the day already");
  });

  for (const bool waits : {true, false}) {
    auto words = std::make_shared<ScanWords>();
    Arguments command = waits ? family.command("wait", "wait for a scan, and print what it found")
                              : family.command("findings", "print what a scan found");
    words->declare_region(command);
    command.positional("IMAGE", words->place,
                       "NAME:TAG or NAME@DIGEST; of an index all its images");
    command.option("--fail-on", "SEVERITY", words->fail_on,
                   "exit status 7 for findings of critical, high, medium or low, or above");
    command.list("--ignore", "ID", words->ignore, "a finding that does not count: CVE-2024-1");
    command.option("--ignore-file", "FILE", words->ignore_file, "such findings, one a line");
    command.footer(
        "What was not scanned does not pass --fail-on: no image at all, or one whose scan is not\n"
        "complete, is exit status 7, too. Attestations in an index are left out, and named.");
    if (waits)
      command.number("--wait", "SECONDS", {0, 86'400}, words->wait, "how long; by default 300");
    declare_common(command);
    command.run([words, waits](Session& session) {
      check(*words);
      const std::set<std::string> names = ignored(*words);
      const ecr::Place place = words->parse_place(session);
      const auto sleep = [call = session.call()](std::chrono::milliseconds time) {
        oci::sleep_for(call, time);
      };
      const ecr::ScanReport report =
          without(waits ? ecr::wait_for_findings(session.call(), session.ecr(), place,
                                                 {std::chrono::seconds(words->wait), sleep})
                        : ecr::read_findings(session.call(), session.ecr(), place),
                  names);
      print(session.output(), report);
      // The findings are printed also where they are the reason to fail.
      session.output().finish();
      for (const ecr::Unscanned& one : report.left_out) {
        session.remark(fmt::format("not scanned: {}, {}", printable(one.digest), one.why));
      }
      gate(report, *words);
    });
  }
}

}  // namespace davit::app
