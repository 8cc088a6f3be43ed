#include "tests/support/fault.hpp"

#include <curl/curl.h>
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <stdexcept>
#include <string>

#include "tests/support/registry.hpp"
#include "tests/support/sample_image.hpp"
#include "tests/support/test_client.hpp"

namespace davit::tests {
namespace {

/// A registry with one blob, and GET of it.
struct OneBlob {
  Registry registry;
  std::string target = "/v2/a/blobs/" + registry.put_blob("a", "0123456789").digest.str();

  Reply get(std::vector<std::string> headers = {}) {
    return fetch({.url = registry.url() + target, .headers = std::move(headers)});
  }
};

TEST(Fault, StrikesAfterSoManyMatchesAndSoManyTimes) {
  OneBlob one;
  one.registry.inject({.method = "GET", .path = "/blobs/", .after = 1, .times = 2});
  std::vector<int> statuses;
  for (int i = 0; i < 4; ++i) statuses.push_back(one.get().status);
  EXPECT_EQ(statuses, (std::vector{200, 503, 503, 200}));
}

TEST(Fault, LeavesOtherMethodsPathsAndPortsAlone) {
  OneBlob one;
  one.registry.inject({.method = "PUT", .times = always});
  one.registry.inject({.path = "/manifests/", .times = always});
  one.registry.inject({.times = always, .port = Port::blob_host});
  EXPECT_EQ(one.get().status, 200);
  EXPECT_EQ(fetch({.url = one.registry.blob_host_url() + one.target}).status, 503);
  one.registry.clear_faults();
  EXPECT_EQ(fetch({.url = one.registry.blob_host_url() + one.target}).status, 200);
}

TEST(Fault, AnswersWithAStatusHeadersAndBody) {
  OneBlob one;
  one.registry.inject({.status = 429, .headers = {{"Retry-After", "7"}}, .body = "slow down"});
  const Reply reply = one.get();
  EXPECT_EQ(reply.status, 429);
  EXPECT_EQ(reply.header("Retry-After"), "7");
  EXPECT_EQ(reply.body, "slow down");
}

TEST(Fault, AnswersBeforeTheBodyIsRead) {
  Registry registry;
  registry.inject({.method = "POST", .kind = FaultKind::early_status, .status = 413});
  const Reply reply =
      fetch({"POST", registry.url() + "/v2/a/blobs/uploads/", {}, std::string(8 << 20, 'x')});
  EXPECT_EQ(reply.status, 413);
  EXPECT_EQ(registry.requests().at(0).body_bytes, 0U);
}

TEST(Fault, ChallengesHtmlAndRedirectsStandForTheAnswer) {
  OneBlob one;
  one.registry.inject({.kind = FaultKind::challenge});
  EXPECT_EQ(one.get().status, 401);
  one.registry.inject({.kind = FaultKind::html});
  EXPECT_EQ(one.get().header("Content-Type"), "text/html");
  one.registry.inject({.kind = FaultKind::redirect});
  EXPECT_EQ(one.get().header("Location"), one.registry.blob_host_url() + one.target);
}

TEST(Fault, SendsWhatIsNotHttp) {
  OneBlob one;
  one.registry.inject({.kind = FaultKind::raw, .body = "220 mail server ready\r\n"});
  EXPECT_NE(one.get().failure, CURLE_OK);
}

TEST(Fault, CutsAnAnswerInItsMiddle) {
  OneBlob one;
  one.registry.inject({.kind = FaultKind::cut_answer, .bytes = 4});
  const Reply reply = one.get();
  EXPECT_EQ(reply.failure, CURLE_PARTIAL_FILE);
  EXPECT_EQ(reply.body, "0123");
}

TEST(Fault, ResetsAConnection) {
  OneBlob one;
  one.registry.inject({.kind = FaultKind::lose_answer, .closing = Closing::reset});
  EXPECT_EQ(one.get().failure, CURLE_RECV_ERROR);
}

TEST(Fault, CutsARequestAndKeepsWhatCame) {
  Registry registry;
  const std::string location =
      fetch({"POST", registry.url() + "/v2/a/blobs/uploads/"}).header("Location");
  registry.inject({.method = "PATCH", .kind = FaultKind::cut_request, .bytes = 1000});
  EXPECT_NE(fetch({"PATCH", location, {}, std::string(100'000, 'x')}).failure, CURLE_OK);
  EXPECT_EQ(fetch({"GET", location}).header("Range"), "0-999");
  EXPECT_EQ(registry.requests().at(1).status, 0);
  EXPECT_EQ(registry.requests().at(1).body_bytes, 1000U);
}

TEST(Fault, CutsARequestAndForgetsTheUploadLikeDockersRegistry) {
  Registry registry({.api = {.broken_upload = BrokenUpload::lost}});
  const std::string location =
      fetch({"POST", registry.url() + "/v2/a/blobs/uploads/"}).header("Location");
  registry.inject({.method = "PATCH", .kind = FaultKind::cut_request, .bytes = 1000});
  EXPECT_NE(fetch({"PATCH", location, {}, std::string(100'000, 'x')}).failure, CURLE_OK);
  EXPECT_EQ(fetch({"GET", location}).status, 404);
}

TEST(Fault, LosesTheAnswerOfWhatTookEffect) {
  Registry registry;
  const auto blob = registry.put_blob("from", "hello");
  registry.inject({.method = "POST", .kind = FaultKind::lose_answer});
  const std::string mount = "/v2/to/blobs/uploads/?from=from&mount=" + blob.digest.str();
  EXPECT_EQ(fetch({"POST", registry.url() + mount}).failure, CURLE_GOT_NOTHING);
  EXPECT_TRUE(registry.has_blob("to", blob.digest));
}

TEST(Fault, WaitsBeforeItServes) {
  OneBlob one;
  one.registry.inject({.kind = FaultKind::delay, .delay = std::chrono::milliseconds(50)});
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(one.get().status, 200);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(50));
}

TEST(Fault, StallsAnAnswerForAWhile) {
  OneBlob one;
  one.registry.inject(
      {.kind = FaultKind::stall_answer, .bytes = 3, .delay = std::chrono::milliseconds(50)});
  EXPECT_EQ(one.get().body, "0123456789");
}

TEST(Fault, StallsForEverButEndsWithTheRegistry) {
  auto one = std::make_unique<OneBlob>();
  one->registry.inject({.kind = FaultKind::stall_answer, .bytes = 3});
  const std::string url = one->registry.url() + one->target;
  auto reply = std::async(std::launch::async, [url] { return fetch({.url = url}); });
  while (one->registry.requests().empty() || one->registry.requests()[0].status == 0) {
    std::this_thread::yield();
  }
  one.reset();
  EXPECT_NE(reply.get().failure, CURLE_OK);
}

TEST(Fault, LiesAboutLengthDigestAndBytes) {
  OneBlob one;
  one.registry.inject({.kind = FaultKind::wrong_length, .bytes = 20});
  EXPECT_EQ(one.get().failure, CURLE_PARTIAL_FILE);
  one.registry.inject({.kind = FaultKind::wrong_digest});
  const std::string digest = one.get().header("Docker-Content-Digest");
  EXPECT_EQ(digest.size(), 71U);
  EXPECT_EQ(one.target.find(digest), std::string::npos);
  one.registry.inject({.kind = FaultKind::no_digest});
  EXPECT_EQ(one.get().header("Docker-Content-Digest"), "");
  one.registry.inject({.kind = FaultKind::flip_byte, .bytes = 1});
  EXPECT_EQ(one.get().body, "0023456789");
}

TEST(Fault, IgnoresOrMissesARange) {
  OneBlob one;
  one.registry.inject({.kind = FaultKind::ignore_range});
  EXPECT_EQ(one.get({"Range: bytes=4-"}).body, "0123456789");
  one.registry.inject({.kind = FaultKind::wrong_range});
  const Reply wrong = one.get({"Range: bytes=4-"});
  EXPECT_EQ(wrong.status, 206);
  EXPECT_EQ(wrong.header("Content-Range"), "bytes 5-9/10");
}

TEST(Fault, ShowsTheHabitsOfEcr) {
  Registry registry;
  const auto blob = registry.put_blob("from", "hello");
  registry.inject({.method = "PATCH", .times = always, .kind = FaultKind::created});
  registry.inject({.method = "PATCH", .times = always, .kind = FaultKind::stale_range});
  registry.inject({.path = "mount=", .kind = FaultKind::ignore_mount});
  const std::string mount = "/v2/to/blobs/uploads/?from=from&mount=" + blob.digest.str();
  const Reply begun = fetch({"POST", registry.url() + mount});
  EXPECT_EQ(begun.status, 202);
  const Reply first = fetch({"PATCH", begun.header("Location"), {}, "hel"});
  EXPECT_EQ(first.status, 201);
  const Reply second = fetch({"PATCH", first.header("Location"), {}, "lo"});
  EXPECT_EQ(second.header("Range"), "0-2");
  const Reply put =
      fetch({"PUT", second.header("Location") + "&digest=" + blob.digest.str(), {}, ""});
  EXPECT_EQ(put.status, 201);
}

TEST(Fault, SendsUploadsElsewhereOrToAPath) {
  Registry registry;
  const std::string post = registry.url() + "/v2/a/blobs/uploads/";
  registry.inject({.method = "POST", .kind = FaultKind::upload_elsewhere});
  const std::string elsewhere = fetch({"POST", post}).header("Location");
  EXPECT_TRUE(elsewhere.starts_with(registry.blob_host_url())) << elsewhere;
  EXPECT_EQ(fetch({"PATCH", elsewhere, {}, "hello"}).status, 202);
  registry.inject({.method = "POST", .kind = FaultKind::relative_location});
  EXPECT_TRUE(fetch({"POST", post}).header("Location").starts_with("/v2/a/blobs/uploads/"));
}

TEST(Fault, IsReadFromText) {
  const Fault fault = parse_fault(
      "method=PATCH;path=/uploads/;kind=cut_request;bytes=10;times=always;after=2;delay=5;"
      "status=500;header=Retry-After: 1;body=text;closing=reset;port=blob_host");
  EXPECT_EQ(fault.method, "PATCH");
  EXPECT_EQ(fault.path, "/uploads/");
  EXPECT_EQ(fault.kind, FaultKind::cut_request);
  EXPECT_EQ(fault.bytes, 10U);
  EXPECT_EQ(fault.times, always);
  EXPECT_EQ(fault.after, 2);
  EXPECT_EQ(fault.delay, std::chrono::milliseconds(5));
  EXPECT_EQ(fault.status, 500);
  EXPECT_EQ(fault.headers.get("retry-after"), "1");
  EXPECT_EQ(fault.body, "text");
  EXPECT_EQ(fault.closing, Closing::reset);
  EXPECT_EQ(fault.port, Port::blob_host);
}

TEST(Fault, IsRefusedWhenItsTextMakesNoSense) {
  for (const char* text : {"kind=unheard_of", "colour=red", "status", "header=none", "times=x"}) {
    EXPECT_THROW(parse_fault(text), std::invalid_argument) << text;
  }
}

}  // namespace
}  // namespace davit::tests
