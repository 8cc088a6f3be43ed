#include "transport/ecr/scan.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/errors.hpp"
#include "tests/support/fake_ecr.hpp"

namespace davit::transport::ecr {
namespace {

using oci::ErrorKind;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::SizeIs;
using tests::error_of;
using tests::FakeEcr;
using tests::kind_of;

std::string digest_of(char letter) { return "sha256:" + std::string(64, letter); }

/// A text as it stands within JSON.
std::string quoted(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '"') out += '\\';
    out += c;
  }
  return out;
}

constexpr const char* index_type = "application/vnd.oci.image.index.v1+json";
constexpr const char* manifest_type = "application/vnd.oci.image.manifest.v1+json";

std::string child(char letter, const std::string& more, const char* type = manifest_type) {
  return fmt::format(R"({{"mediaType":"{}","size":1,"digest":"{}"{}}})", type, digest_of(letter),
                     more);
}

const std::string on_linux = R"(,"platform":{"os":"linux","architecture":"amd64"})";
const std::string on_nothing = R"(,"platform":{"os":"unknown","architecture":"unknown"})";
const std::string attests =
    R"(,"annotations":{"vnd.docker.reference.type":"attestation-manifest"})";

class EcrScan : public testing::Test {
 protected:
  /// BatchGetImage knows these, by the letters of their digests.
  void have_index(char letter, const std::string& children) {
    have(letter, index_type, R"({"schemaVersion":2,"manifests":[)" + children + "]}");
  }
  void have_image(char letter) {
    have(letter, manifest_type,
         R"({"schemaVersion":2,"config":)" +
             child('9', "", "application/vnd.oci.image.config.v1+json") + R"(,"layers":[]})");
  }
  void have(char letter, const char* type, const std::string& text) {
    documents[letter] = fmt::format(
        R"({{"images":[{{"imageId":{{"imageDigest":"{}"}},"imageManifestMediaType":"{}","imageManifest":"{}"}}]}})",
        digest_of(letter), type, quoted(text));
    ecr.on("BatchGetImage", [this](const std::string& input) {
      for (const auto& [known, answer] : documents) {
        if (input.find(digest_of(known)) != std::string::npos) {
          return tests::aws_answer(200, answer);
        }
      }
      return tests::aws_answer(200, documents.begin()->second);
    });
  }

  static std::string scan(const std::string& status, const std::string& findings = "") {
    return fmt::format(
        R"({{"imageScanStatus":{{"status":"{}"}},"imageScanFindings":{{"findings":[{}]}}}})",
        status, findings);
  }

  ScanReport wait(seconds patience = seconds(300)) {
    std::chrono::steady_clock::time_point now{};
    Waiting waiting{patience,
                    [&](std::chrono::milliseconds time) {
                      now += time;
                      ++waits;
                    },
                    [&] { return now; }};
    return wait_for_findings({}, ecr.access(), ecr.place, waiting);
  }

  FakeEcr ecr;
  std::map<char, std::string> documents;  // 'a' is what the tag names
  int waits = 0;
};

const std::string low = R"({"name":"CVE-1","severity":"LOW"})";
const std::string high = R"({"name":"CVE-2","severity":"HIGH"})";

TEST_F(EcrScan, FindingsAreThoseOfTheImage) {
  have_image('a');
  ecr.on("DescribeImageScanFindings", scan("COMPLETE", low + "," + high));
  const ScanReport report = read_findings({}, ecr.access(), ecr.place);
  ASSERT_THAT(report.findings, SizeIs(2));
  EXPECT_EQ(report.findings[0].id, "CVE-2");
  EXPECT_EQ(report.findings[0].image, digest_of('a'));
  EXPECT_EQ(report.status(), "COMPLETE");
  EXPECT_THAT(ecr.inputs("BatchGetImage").at(0), HasSubstr(R"("imageTag":"latest")"));
}

TEST_F(EcrScan, FindingsOfAnIndexAreThoseOfItsImagesAtAnyDepth) {
  have_index('a', child('b', on_linux) + "," + child('c', "", index_type));
  have_index('c', child('d', on_linux) + "," + child('a', "", index_type));
  ecr.on("DescribeImageScanFindings", scan("COMPLETE", low));
  const ScanReport report = read_findings({}, ecr.access(), ecr.place);
  ASSERT_THAT(report.images, SizeIs(2));
  EXPECT_EQ(report.images[0].digest, digest_of('b'));
  EXPECT_EQ(report.images[1].digest, digest_of('d'));
}

TEST_F(EcrScan, AnAttestationIsLeftOutAndNamed) {
  have_index('a', child('b', on_linux) + "," + child('c', on_nothing + attests));
  ecr.on("DescribeImageScanFindings", scan("COMPLETE"));
  const ScanReport report = wait();
  EXPECT_THAT(report.images, SizeIs(1));
  ASSERT_THAT(report.left_out, SizeIs(1));
  EXPECT_EQ(report.left_out[0].digest, digest_of('c'));
  EXPECT_EQ(objection(report, Severity::low), std::nullopt);
}

TEST_F(EcrScan, AnImageForAnUnknownPlatformIsScanned) {
  have_index('a', child('b', on_nothing));
  ecr.on("DescribeImageScanFindings", scan("COMPLETE", high));
  EXPECT_THAT(*objection(wait(), Severity::high), HasSubstr("1 finding of severity HIGH"));
}

TEST_F(EcrScan, AnImageThatIsCalledAnAttestationIsScanned) {
  have_index('a', child('b', on_linux + attests));
  ecr.on("DescribeImageScanFindings", scan("COMPLETE", high));
  EXPECT_TRUE(objection(wait(), Severity::high));
}

TEST_F(EcrScan, WhatHasNothingToJudgeIsObjectedTo) {
  have_index('a', "");
  EXPECT_EQ(objection(wait(), Severity::critical), "no image of it was scanned");
  have_index('a', child('c', on_nothing + attests));
  EXPECT_EQ(objection(wait(), Severity::critical), "no image of it was scanned");
  EXPECT_EQ(kind_of([&] { start_scan({}, ecr.access(), ecr.place); }), ErrorKind::refused);
}

TEST_F(EcrScan, WhatIsNotScannedToTheEndIsObjectedTo) {
  have_image('a');
  for (const char* status : {"IN_PROGRESS", "PENDING", "FAILED", "UNSUPPORTED_IMAGE", "NEWS"}) {
    ecr.on("DescribeImageScanFindings", scan(status));
    const ScanReport report = read_findings({}, ecr.access(), ecr.place);
    EXPECT_THAT(*objection(report, Severity::critical), HasSubstr(status));
  }
}

TEST_F(EcrScan, AFindingBelowTheLimitIsNoObjection) {
  have_image('a');
  ecr.on("DescribeImageScanFindings", scan("ACTIVE", low));
  const ScanReport report = read_findings({}, ecr.access(), ecr.place);
  EXPECT_FALSE(objection(report, Severity::medium));
  EXPECT_TRUE(objection(report, Severity::low));
}

TEST_F(EcrScan, ASeverityThatIsNotKnownIsTheGravest) {
  have_image('a');
  ecr.on("DescribeImageScanFindings",
         scan("COMPLETE", R"({"name":"CVE-3","severity":"APOCALYPTIC"},{"name":"CVE-4"},)"
                          R"({"name":"CVE-5","severity":"UNTRIAGED"})"));
  const ScanReport report = read_findings({}, ecr.access(), ecr.place);
  EXPECT_EQ(report.findings[0].severity, Severity::critical);
  EXPECT_EQ(report.findings[1].severity, Severity::critical);
  EXPECT_EQ(report.findings[2].severity, Severity::undefined);
}

TEST_F(EcrScan, WaitsUntilFindingsStayTheSame) {
  have_image('a');
  ecr.on("DescribeImageScanFindings",
         std::vector<std::string>{scan("IN_PROGRESS"), scan("COMPLETE"), scan("COMPLETE", low),
                                  scan("COMPLETE", low)});
  EXPECT_THAT(wait().findings, SizeIs(1));
  EXPECT_EQ(waits, 3);
}

TEST_F(EcrScan, LosesPatience) {
  have_image('a');
  ecr.on("DescribeImageScanFindings", scan("IN_PROGRESS"));
  const auto error = error_of([&] { wait(seconds(12)); });
  EXPECT_EQ(error->kind(), ErrorKind::unavailable);
  EXPECT_THAT(error->what(), HasSubstr("IN_PROGRESS"));
  EXPECT_EQ(waits, 3);  // 0.5, 5 and 5 seconds
}

TEST_F(EcrScan, WhatNeverWillBeScannedIsAFailureAtOnce) {
  have_image('a');
  ecr.on("DescribeImageScanFindings", scan("UNSUPPORTED_IMAGE"));
  EXPECT_EQ(kind_of([&] { wait(); }), ErrorKind::failed);
  EXPECT_EQ(waits, 0);
}

TEST_F(EcrScan, WhatWasNeverScannedIsNotFound) {
  have_image('a');
  ecr.fail("DescribeImageScanFindings", "ScanNotFoundException");
  const auto error = error_of([&] { read_findings({}, ecr.access(), ecr.place); });
  EXPECT_EQ(error->kind(), ErrorKind::not_found);
  EXPECT_EQ(error->advice(), oci::Advice::start_scan);
}

TEST_F(EcrScan, AnImageThatIsNotThereIsNotFound) {
  ecr.on("BatchGetImage", R"({"images":[]})");
  EXPECT_EQ(kind_of([&] { read_findings({}, ecr.access(), ecr.place); }), ErrorKind::not_found);
}

TEST_F(EcrScan, AListWithoutAnEndIsNotFollowed) {
  have_image('a');
  ecr.on("DescribeImageScanFindings",
         R"({"imageScanStatus":{"status":"COMPLETE"},"nextToken":"again"})");
  EXPECT_EQ(kind_of([&] { read_findings({}, ecr.access(), ecr.place); }), ErrorKind::failed);
}

TEST_F(EcrScan, IsStartedForEachImageUnlessItWasToday) {
  have_index('a', child('b', on_linux) + "," + child('c', on_linux));
  ecr.on("StartImageScan", "{}");
  EXPECT_TRUE(start_scan({}, ecr.access(), ecr.place));
  EXPECT_THAT(ecr.inputs("StartImageScan"), SizeIs(2));
  ecr.fail("StartImageScan", "LimitExceededException");
  EXPECT_FALSE(start_scan({}, ecr.access(), ecr.place));
}

TEST(EcrSeverity, IsAWordInAnyCase) {
  EXPECT_EQ(parse_severity("Critical"), Severity::critical);
  EXPECT_EQ(parse_severity("UNTRIAGED"), Severity::undefined);
  EXPECT_EQ(parse_severity("grave"), std::nullopt);
  EXPECT_EQ(severity_name(Severity::medium), "MEDIUM");
}

}  // namespace
}  // namespace davit::transport::ecr
