// Uploads in chunks, and how they go on after a failure.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/content.hpp"
#include "tests/transport/registry/client_fixture.hpp"

namespace davit::transport {
namespace {

using oci::Error;
using oci::ErrorKind;
using testing::ElementsAre;
using testing::HasSubstr;
using tests::ConnectedRepository;
using tests::Fault;
using tests::FaultKind;
using tests::Registry;

constexpr std::uint64_t chunk = 1'000'000;
constexpr std::string_view blob_type = "application/octet-stream";

ClientOptions chunked(std::uint64_t size = chunk) {
  ClientOptions options = tests::quick_options();
  options.chunk_size = size;
  return options;
}

struct Chunks : testing::Test {
  explicit Chunks(tests::RegistryOptions options = {}) : registry(options) {}

  void push() { connect()->push({}, blob, oci::content_of(bytes)); }
  oci::Descriptor add() { return connect()->add({}, blob_type, oci::content_of(bytes)); }

  ConnectedRepository& connect() {
    repository.emplace(registry, "team/app", tests::no_credentials(), chunked());
    return *repository;
  }

  /// What the registry received of the blob, all tries counted.
  std::uint64_t sent() const {
    std::uint64_t sum = 0;
    for (const auto& request : registry.requests()) sum += request.body_bytes;
    return sum;
  }

  /// "METHOD status", with Content-Range where there was one.
  std::vector<std::string> steps() const {
    std::vector<std::string> steps;
    for (const auto& request : registry.requests()) {
      if (request.target.find("/uploads/") == std::string::npos) continue;
      const auto range = request.headers.get("Content-Range");
      steps.push_back(request.method + (range ? " " + *range : ""));
    }
    return steps;
  }

  void expect_stored() const { EXPECT_TRUE(registry.has_blob("team/app", blob.digest)); }

  std::string bytes = tests::noise(3'500'000);
  oci::Descriptor blob = oci::describe(blob_type, bytes);
  Registry registry;
  std::optional<ConnectedRepository> repository;
};

TEST_F(Chunks, AreSentOneAfterTheOther) {
  push();
  expect_stored();
  EXPECT_THAT(steps(), ElementsAre("POST", "PATCH 0-999999", "PATCH 1000000-1999999",
                                   "PATCH 2000000-2999999", "PATCH 3000000-3499999", "PUT"));
}

TEST_F(Chunks, CarryContentWhoseDigestIsNotKnownYet) {
  EXPECT_EQ(add().digest, blob.digest);
  expect_stored();
  EXPECT_EQ(registry.count("PATCH", "/uploads/"), 4u);
  EXPECT_EQ(sent(), bytes.size());
}

TEST_F(Chunks, AreNotMadeOfABlobThatFitsInOne) {
  ConnectedRepository whole(registry, "team/app", tests::no_credentials(), chunked(3'500'000));
  whole->push({}, blob, oci::content_of(bytes));
  EXPECT_THAT(steps(), ElementsAre("POST", "PUT"));
  registry.forget_requests();
  ConnectedRepository more(registry, "team/app", tests::no_credentials(), chunked(3'500'001));
  EXPECT_EQ(more->add({}, blob_type, oci::content_of(bytes)).digest, blob.digest);
  EXPECT_THAT(steps(), ElementsAre("POST", "PUT"));
}

TEST_F(Chunks, AddAnEmptyBlob) {
  const auto added = connect()->add({}, blob_type, oci::content_of(""));
  EXPECT_EQ(added.size, 0u);
  EXPECT_TRUE(registry.has_blob("team/app", added.digest));
}

TEST_F(Chunks, OfAWholeNumberHaveNoEmptyLastOne) {
  bytes.resize(2'000'000);
  blob = oci::describe(blob_type, bytes);
  push();
  expect_stored();
  EXPECT_EQ(registry.count("PATCH", "/uploads/"), 2u);
}

TEST_F(Chunks, AreAsLongAsTheRegistryDemands) {
  Registry demanding({.api = {.min_chunk = 1'500'000}});
  ConnectedRepository there(demanding, "team/app", tests::no_credentials(), chunked());
  there->push({}, blob, oci::content_of(bytes));
  EXPECT_TRUE(demanding.has_blob("team/app", blob.digest));
  EXPECT_EQ(demanding.count("PATCH", "/uploads/"), 3u);
}

TEST_F(Chunks, AreNotMadeWhereTheDemandIsMoreThanMayBeKept) {
  Registry demanding({.api = {.min_chunk = std::uint64_t{1} << 40}});
  ConnectedRepository there(demanding, "team/app", tests::no_credentials(), chunked());
  there->push({}, blob, oci::content_of(bytes));
  EXPECT_TRUE(demanding.has_blob("team/app", blob.digest));
}

TEST_F(Chunks, AreTheDefaultForEcrAlone) {
  Registry ecr;
  ClientOptions options = tests::quick_options();
  const std::string host = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
  const std::string port = ecr.host().substr(ecr.host().find(':') + 1);
  options.curl.resolve = {host + ":" + port + ":127.0.0.1"};
  options.plain_http = PlainHttp::always;
  Client client(options, tests::no_credentials());
  const std::string large = tests::noise(10 * oci::MiB + 1);
  for (const std::string& name : {host + ":" + port, ecr.host()}) {
    client.repository({}, oci::Reference::parse(name + "/team/app"))
        ->push({}, oci::describe(blob_type, large), oci::content_of(large));
  }
  EXPECT_EQ(ecr.count("PATCH", "/uploads/"), 2u);
}

/// A fault in the middle of a blob: what it costs is at most the chunk that it struck.
class BrokenChunk : public Chunks, public testing::WithParamInterface<Fault> {};

TEST_P(BrokenChunk, AloneIsSentAgain) {
  registry.inject(GetParam());
  push();
  expect_stored();
  EXPECT_EQ(registry.count("POST", "/uploads/"), 1u);
  EXPECT_LE(sent(), bytes.size() + chunk);
}

TEST_P(BrokenChunk, IsNotProducedAgain) {
  registry.inject(GetParam());
  int produced = 0;
  const auto added = connect()->add({}, blob_type, [&](const oci::Call&, oci::Sink& sink) {
    ++produced;
    sink.write(oci::bytes_of(bytes));
  });
  EXPECT_EQ(added.digest, blob.digest);
  expect_stored();
  EXPECT_EQ(produced, 1);
  EXPECT_LE(sent(), bytes.size() + chunk);
}

std::vector<Fault> broken_chunks() {
  std::vector<Fault> faults;
  for (const int after : {0, 1, 3}) {
    faults.push_back({.method = "PATCH", .after = after, .status = 503});
    faults.push_back({.method = "PATCH", .after = after, .status = 429});
    faults.push_back({.method = "PATCH", .after = after, .kind = FaultKind::lose_answer});
    for (const std::uint64_t bytes : {std::uint64_t{0}, std::uint64_t{400'000}}) {
      faults.push_back(
          {.method = "PATCH", .after = after, .kind = FaultKind::cut_request, .bytes = bytes});
      faults.push_back({.method = "PATCH",
                        .after = after,
                        .kind = FaultKind::cut_request,
                        .bytes = bytes,
                        .closing = tests::Closing::reset});
    }
  }
  return faults;
}

INSTANTIATE_TEST_SUITE_P(Table, BrokenChunk, testing::ValuesIn(broken_chunks()));

TEST_F(Chunks, GoOnInTheMiddleOfOneWhereTheRegistryKeptItsBeginning) {
  registry.inject(
      {.method = "PATCH", .after = 1, .kind = FaultKind::cut_request, .bytes = 400'000});
  push();
  EXPECT_THAT(steps(), ElementsAre("POST", "PATCH 0-999999", "PATCH 1000000-1999999", "GET",
                                   "PATCH 1400000-2399999", "PATCH 2400000-3399999",
                                   "PATCH 3400000-3499999", "PUT"));
  EXPECT_EQ(sent(), bytes.size());
}

TEST_F(Chunks, GoOnByTheirOwnCountWhereTheRangeIsStale) {
  registry.inject({.times = tests::always, .kind = FaultKind::stale_range});
  registry.inject({.times = tests::always, .kind = FaultKind::created, .status = 201});
  registry.inject({.method = "PATCH", .after = 2, .status = 500});
  push();
  expect_stored();
  EXPECT_EQ(registry.count("POST", "/uploads/"), 1u);
}

TEST_F(Chunks, GoOnWhereA416SaysAfterALostAnswer) {
  // As ECR: the status is stale, so the chunk is sent again, and refused with the right offset.
  registry.inject({.times = tests::always, .kind = FaultKind::stale_range});
  registry.inject({.method = "PATCH", .after = 2, .kind = FaultKind::lose_answer});
  push();
  expect_stored();
  EXPECT_THAT(steps(), ElementsAre("POST", "PATCH 0-999999", "PATCH 1000000-1999999",
                                   "PATCH 2000000-2999999", "GET", "PATCH 2000000-2999999",
                                   "PATCH 3000000-3499999", "PUT"));
}

TEST_F(Chunks, GoOnWhereTheStatusIsNotToBeHad) {
  registry.inject({.method = "GET", .path = "/uploads/", .times = tests::always, .status = 405});
  registry.inject({.method = "PATCH", .after = 1, .status = 500});
  push();
  expect_stored();
  EXPECT_EQ(registry.count("POST", "/uploads/"), 1u);
}

struct LostSessions : Chunks {
  LostSessions() : Chunks({.api = {.broken_upload = tests::BrokenUpload::lost}}) {}
};

TEST_F(LostSessions, AreBegunAnew) {
  registry.inject({.method = "PATCH", .after = 2, .kind = FaultKind::cut_request, .bytes = 10});
  push();
  expect_stored();
  EXPECT_EQ(registry.count("POST", "/uploads/"), 2u);
}

TEST_F(LostSessions, ProduceTheContentAgain) {
  registry.inject({.method = "PATCH", .after = 2, .kind = FaultKind::cut_request, .bytes = 10});
  EXPECT_EQ(add().digest, blob.digest);
  expect_stored();
}

TEST_F(Chunks, BeginAnewWhereTheRegistryHasLessThanItSaid) {
  registry.inject({.method = "PATCH",
                   .after = 2,
                   .status = 416,
                   .headers = {{"Range", "0-499999"}},
                   .body = R"({"errors":[{"code":"BLOB_UPLOAD_INVALID","message":"no"}]})"});
  push();
  expect_stored();
  EXPECT_EQ(registry.count("POST", "/uploads/"), 2u);
}

TEST_F(Chunks, EndWhereTheRegistryContradictsItself) {
  registry.inject({.method = "PATCH",
                   .times = tests::always,
                   .status = 416,
                   .body = R"({"errors":[{"code":"BLOB_UPLOAD_INVALID",)"
                           R"("message":"First byte of the layer part is 0 instead of 0"}]})"});
  EXPECT_THROW(push(), Error);
  EXPECT_LE(registry.count("PATCH", "/uploads/"), 1u);
}

TEST_F(Chunks, HaveTriesOfTheirOwnEach) {
  // More failures than tries, but never so many in a row.
  for (const int after : {1, 4, 7}) {
    registry.inject({.method = "PATCH", .after = after, .times = 2, .status = 503});
  }
  push();
  expect_stored();
  EXPECT_EQ(registry.count("POST", "/uploads/"), 1u);
}

TEST_F(Chunks, GiveUpAfterTheTriesAndSaySo) {
  registry.inject({.method = "PATCH", .after = 1, .times = tests::always, .status = 503});
  try {
    push();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::unavailable);
    EXPECT_THAT(error.what(), HasSubstr("4 tries"));
  }
  EXPECT_EQ(registry.count("POST", "/uploads/"), 1u);
}

TEST_F(Chunks, OfContentThatFailsAreNeverFinished) {
  const auto broken = [&](const oci::Call&, oci::Sink& sink) {
    sink.write(oci::bytes_of(bytes).first(2'500'000));
    throw Error(ErrorKind::corrupt, "the file shrank");
  };
  try {
    connect()->push({}, blob, broken);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("the file shrank"));
  }
  EXPECT_EQ(registry.count("PUT", "/uploads/"), 0u);
}

TEST_F(Chunks, AreNotSentAgainWhereOnlyTheLastAnswerWasLost) {
  registry.inject({.method = "PUT", .path = "/uploads/", .kind = FaultKind::lose_answer});
  int produced = 0;
  connect()->add({}, blob_type, [&](const oci::Call&, oci::Sink& sink) {
    ++produced;
    sink.write(oci::bytes_of(bytes));
  });
  expect_stored();
  EXPECT_EQ(produced, 1);
  EXPECT_EQ(registry.count("POST", "/uploads/"), 1u);
}

}  // namespace
}  // namespace davit::transport
