// What a registry, or the network before it, can do wrong, and what becomes of a push or a fetch.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "oci/store/copy.hpp"
#include "oci/store/memory.hpp"
#include "tests/support/sample_image.hpp"
#include "tests/transport/registry/client_fixture.hpp"

namespace davit::transport {
namespace {

using oci::Error;
using oci::ErrorKind;
using testing::HasSubstr;
using tests::ConnectedRepository;
using tests::Fault;
using tests::FaultKind;
using tests::Registry;

const std::string blob_type = "application/octet-stream";

struct Upload {
  std::string bytes = tests::random_bytes(2'000'000, 7);
  oci::Descriptor blob = oci::describe(blob_type, bytes);
};

std::string fetched(oci::Store& store, const oci::Descriptor& descriptor) {
  return oci::collect({}, oci::content_in(store, descriptor), 64 * oci::MiB, "content");
}

ErrorKind kind_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.kind();
  }
  ADD_FAILURE() << "nothing was thrown";
  return ErrorKind::failed;
}

/// Faults that a push must survive.
class SurvivedUploadFault : public testing::TestWithParam<Fault> {};

TEST_P(SurvivedUploadFault, EndsWithTheBlobStored) {
  Registry registry;
  registry.inject(GetParam());
  ConnectedRepository repository(registry);
  const Upload upload;
  repository->push({}, upload.blob, oci::content_of(upload.bytes));
  EXPECT_TRUE(registry.has_blob("team/app", upload.blob.digest));
}

TEST_P(SurvivedUploadFault, EndsWithTheAddedContentStored) {
  Registry registry;
  registry.inject(GetParam());
  ConnectedRepository repository(registry);
  const Upload upload;
  const auto added = repository->add({}, blob_type, oci::content_of(upload.bytes));
  EXPECT_EQ(added.digest, upload.blob.digest);
  EXPECT_TRUE(registry.has_blob("team/app", upload.blob.digest));
}

std::vector<Fault> survived_upload_faults() {
  std::vector<Fault> faults;
  for (const int status : {408, 425, 429, 500, 502, 503, 504}) {
    faults.push_back({.path = "/uploads/", .times = 2, .status = status});
  }
  for (const char* method : {"POST", "PATCH", "PUT"}) {
    faults.push_back({.method = method, .kind = FaultKind::lose_answer});
    faults.push_back({.method = method, .status = 503, .headers = {{"Retry-After", "1"}}});
  }
  for (const char* method : {"PATCH", "PUT"}) {
    for (const std::uint64_t bytes : {std::uint64_t{1}, std::uint64_t{1'000'000}}) {
      faults.push_back({.method = method, .kind = FaultKind::cut_request, .bytes = bytes});
      faults.push_back({.method = method,
                        .kind = FaultKind::cut_request,
                        .bytes = bytes,
                        .closing = tests::Closing::reset});
    }
    faults.push_back({.method = method, .kind = FaultKind::early_status, .status = 503});
  }
  faults.push_back({.method = "PATCH", .times = tests::always, .kind = FaultKind::created});
  faults.push_back({.times = tests::always, .kind = FaultKind::relative_location});
  return faults;
}

INSTANTIATE_TEST_SUITE_P(Table, SurvivedUploadFault, testing::ValuesIn(survived_upload_faults()));

TEST(UploadFault, BeginsANewSessionWhereTheOldOneIsLost) {
  Registry registry({.api = {.broken_upload = tests::BrokenUpload::lost}});
  registry.inject({.method = "PUT", .kind = FaultKind::cut_request, .bytes = 500'000});
  ConnectedRepository repository(registry);
  const Upload upload;
  repository->push({}, upload.blob, oci::content_of(upload.bytes));
  EXPECT_EQ(registry.count("POST", "/uploads/"), 2u);
}

TEST(UploadFault, ThatStaysEndsAsUnavailable) {
  Registry registry;
  registry.inject({.path = "/uploads/", .times = tests::always, .status = 503});
  ConnectedRepository repository(registry);
  const Upload upload;
  EXPECT_EQ(kind_of([&] { repository->push({}, upload.blob, oci::content_of(upload.bytes)); }),
            ErrorKind::unavailable);
}

TEST(UploadFault, ThatNoRetryCanMendIsNotRetried) {
  Registry registry;
  registry.inject({.method = "POST", .times = tests::always, .status = 405});
  ConnectedRepository repository(registry);
  const Upload upload;
  EXPECT_EQ(kind_of([&] { repository->push({}, upload.blob, oci::content_of(upload.bytes)); }),
            ErrorKind::failed);
  EXPECT_EQ(registry.count("POST", "/uploads/"), 1u);
}

TEST(UploadFault, OfTheContentItselfComesThrough) {
  const Registry registry;
  ConnectedRepository repository(registry);
  const auto broken = [](const oci::Call&, oci::Sink& sink) {
    sink.write(oci::bytes_of("some"));
    throw Error(ErrorKind::failed, "the file shrank");
  };
  try {
    repository->add({}, blob_type, broken);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("the file shrank"));
  }
}

TEST(UploadFault, ARepositoryThatIsMissingIsSaidSo) {
  Registry registry({.api = {.creation = tests::Creation::beforehand}});
  ConnectedRepository repository(registry);
  const Upload upload;
  EXPECT_EQ(kind_of([&] { repository->push({}, upload.blob, oci::content_of(upload.bytes)); }),
            ErrorKind::not_found);
}

/// Faults that a fetch must survive.
class SurvivedDownloadFault : public testing::TestWithParam<Fault> {};

TEST_P(SurvivedDownloadFault, EndsWithTheSameBytes) {
  Registry registry;
  const Upload upload;
  registry.put_blob("team/app", upload.bytes);
  registry.inject(GetParam());
  ConnectedRepository repository(registry);
  EXPECT_EQ(fetched(*repository, upload.blob), upload.bytes);
}

std::vector<Fault> survived_download_faults() {
  std::vector<Fault> faults;
  for (const int status : {408, 429, 500, 502, 503, 504}) {
    faults.push_back({.path = "/blobs/", .times = 2, .status = status});
  }
  for (const std::uint64_t bytes : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{999'999}}) {
    faults.push_back(
        {.path = "/blobs/", .times = 2, .kind = FaultKind::cut_answer, .bytes = bytes});
  }
  return faults;
}

INSTANTIATE_TEST_SUITE_P(Table, SurvivedDownloadFault,
                         testing::ValuesIn(survived_download_faults()));

TEST(DownloadFault, GoesOnWithRangeWhereItStopped) {
  Registry registry;
  const Upload upload;
  registry.put_blob("team/app", upload.bytes);
  registry.inject({.path = "/blobs/", .kind = FaultKind::cut_answer, .bytes = 1'500'000});
  ConnectedRepository repository(registry);
  EXPECT_EQ(fetched(*repository, upload.blob), upload.bytes);
  EXPECT_THAT(registry.requests().back().headers.get("Range").value_or(""),
              testing::StartsWith("bytes="));
  EXPECT_EQ(registry.requests().back().status, 206);
}

TEST(DownloadFault, StartsOverWhereRangesAreIgnored) {
  Registry registry;
  const Upload upload;
  registry.put_blob("team/app", upload.bytes);
  registry.inject({.path = "/blobs/", .kind = FaultKind::cut_answer, .bytes = 1'500'000});
  registry.inject({.path = "/blobs/", .times = tests::always, .kind = FaultKind::ignore_range});
  ConnectedRepository repository(registry);
  EXPECT_EQ(fetched(*repository, upload.blob), upload.bytes);
}

TEST(DownloadFault, RefusesARangeThatWasNotAskedFor) {
  Registry registry;
  const Upload upload;
  registry.put_blob("team/app", upload.bytes);
  registry.inject({.path = "/blobs/", .kind = FaultKind::cut_answer, .bytes = 1'500'000});
  registry.inject({.path = "/blobs/", .times = tests::always, .kind = FaultKind::wrong_range});
  ConnectedRepository repository(registry);
  EXPECT_EQ(kind_of([&] { fetched(*repository, upload.blob); }), ErrorKind::corrupt);
}

std::string fetched_part(oci::Store& store, const oci::Descriptor& blob, const oci::Part& part) {
  oci::StringSink sink(part.size, "part");
  return store.fetch_part({}, blob, part, sink) ? sink.text() : "none";
}

TEST(DownloadOfAPart, GivesItAlone) {
  Registry registry({.blobs = tests::BlobDelivery::redirected});
  const Upload upload;
  registry.put_blob("team/app", upload.bytes);
  ConnectedRepository repository(registry);
  EXPECT_EQ(fetched_part(*repository, upload.blob, {1000, 500}), upload.bytes.substr(1000, 500));
  EXPECT_EQ(registry.requests().back().status, 206);
}

TEST(DownloadOfAPart, GoesOnWhereItWasCut) {
  Registry registry;
  const Upload upload;
  registry.put_blob("team/app", upload.bytes);
  registry.inject({.path = "/blobs/", .times = 2, .kind = FaultKind::cut_answer, .bytes = 100'000});
  ConnectedRepository repository(registry);
  EXPECT_EQ(fetched_part(*repository, upload.blob, {1000, 500'000}),
            upload.bytes.substr(1000, 500'000));
}

TEST(DownloadOfAPart, IsNotGivenWhereRangesAreIgnored) {
  Registry registry;
  const Upload upload;
  registry.put_blob("team/app", upload.bytes);
  registry.inject({.path = "/blobs/", .times = tests::always, .kind = FaultKind::ignore_range});
  ConnectedRepository repository(registry);
  EXPECT_EQ(fetched_part(*repository, upload.blob, {1000, 500}), "none");
  const std::size_t asked = registry.requests().size();
  EXPECT_EQ(fetched_part(*repository, upload.blob, {1000, 500}), "none");
  EXPECT_EQ(registry.requests().size(), asked);
}

TEST(DownloadOfAPart, IsNotGivenWhereRangesAreRefused) {
  for (const int status : {416, 501}) {
    Registry registry;
    const Upload upload;
    registry.put_blob("team/app", upload.bytes);
    registry.inject({.path = "/blobs/", .times = tests::always, .status = status});
    ConnectedRepository repository(registry);
    EXPECT_EQ(fetched_part(*repository, upload.blob, {1000, 500}), "none");
  }
}

TEST(DownloadOfAPart, RefusesAnotherOne) {
  Registry registry;
  const Upload upload;
  registry.put_blob("team/app", upload.bytes);
  registry.inject({.path = "/blobs/", .times = tests::always, .kind = FaultKind::wrong_range});
  ConnectedRepository repository(registry);
  EXPECT_EQ(kind_of([&] {
              fetched_part(*repository, upload.blob, {1000, 500});
            }),
            ErrorKind::corrupt);
}

TEST(DownloadFault, OfAStallEndsByTheTimeout) {
  Registry registry;
  const Upload upload;
  registry.put_blob("team/app", upload.bytes);
  registry.inject(
      {.path = "/blobs/", .times = tests::always, .kind = FaultKind::stall_answer, .bytes = 1000});
  auto options = tests::quick_options();
  options.retry.retries = 0;
  options.curl.stall_time = std::chrono::milliseconds(300);
  ConnectedRepository repository(registry, "team/app", tests::no_credentials(), options);
  EXPECT_EQ(kind_of([&] { fetched(*repository, upload.blob); }), ErrorKind::unavailable);
}

TEST(DownloadFault, OfAStallIsLeftAtOnceWhenAskedToStop) {
  Registry registry;
  const Upload upload;
  registry.put_blob("team/app", upload.bytes);
  registry.inject(
      {.path = "/blobs/", .times = tests::always, .kind = FaultKind::stall_answer, .bytes = 1000});
  std::stop_source stop;
  auto options = tests::quick_options();
  options.curl.stall_time = std::chrono::minutes(5);
  ConnectedRepository repository(registry, "team/app", tests::no_credentials(), options);
  oci::FunctionSink asks_to_stop([&](oci::Bytes) { stop.request_stop(); });
  EXPECT_EQ(
      kind_of([&] { repository->fetch({.stop = stop.get_token()}, upload.blob, asks_to_stop); }),
      ErrorKind::interrupted);
}

TEST(Redirect, OfABlobToTheSecondPortCarriesNoAuthorization) {
  Registry registry(
      {.access = {.kind = tests::AccessKind::bearer}, .blobs = tests::BlobDelivery::redirected});
  const Upload upload;
  registry.put_blob("team/app", upload.bytes);
  ConnectedRepository repository(registry, "team/app", tests::user_credentials(registry));
  EXPECT_EQ(fetched(*repository, upload.blob), upload.bytes);
  std::size_t at_the_blob_host = 0;
  for (const auto& request : registry.requests()) {
    if (request.port != tests::Port::blob_host) continue;
    ++at_the_blob_host;
    EXPECT_EQ(request.authorization_scheme(), "");
  }
  EXPECT_EQ(at_the_blob_host, 1u);
}

TEST(Redirect, OfAnUploadToTheSecondPortCarriesNoAuthorization) {
  Registry registry({.access = {.kind = tests::AccessKind::bearer}});
  registry.inject({.method = "POST", .times = tests::always, .kind = FaultKind::upload_elsewhere});
  ConnectedRepository repository(registry, "team/app", tests::user_credentials(registry));
  const Upload upload;
  repository->push({}, upload.blob, oci::content_of(upload.bytes));
  EXPECT_TRUE(registry.has_blob("team/app", upload.blob.digest));
  std::size_t at_the_blob_host = 0;
  for (const auto& request : registry.requests()) {
    if (request.port != tests::Port::blob_host) continue;
    ++at_the_blob_host;
    EXPECT_EQ(request.authorization_scheme(), "");
  }
  EXPECT_EQ(at_the_blob_host, 1u);
}

/// The ways in which registries say that a token is not good any more.
class ExpiredToken : public testing::TestWithParam<tests::ExpiredAnswer> {};

TEST_P(ExpiredToken, IsRenewedInTheMiddleOfAnUpload) {
  Registry registry({.access = {.kind = tests::AccessKind::bearer, .expired = GetParam()}});
  registry.on_request([&](const tests::RecordedRequest& request) {
    if (request.method == "POST" && request.status == 202) registry.access().revoke_tokens();
  });
  ConnectedRepository repository(registry, "team/app", tests::user_credentials(registry));
  const Upload upload;
  repository->push({}, upload.blob, oci::content_of(upload.bytes));
  EXPECT_TRUE(registry.has_blob("team/app", upload.blob.digest));
  EXPECT_GE(registry.access().tokens_issued(), 2u);
}

INSTANTIATE_TEST_SUITE_P(Answers, ExpiredToken,
                         testing::Values(tests::ExpiredAnswer::unauthorized,
                                         tests::ExpiredAnswer::ecr_forbidden,
                                         tests::ExpiredAnswer::ecr_public_refusal));

TEST(Access, WithBasicCredentialsWorks) {
  Registry registry({.access = {.kind = tests::AccessKind::basic}});
  ConnectedRepository repository(registry, "team/app", tests::user_credentials(registry));
  const Upload upload;
  repository->push({}, upload.blob, oci::content_of(upload.bytes));
  EXPECT_TRUE(repository->has({}, upload.blob));
}

TEST(Access, WithoutCredentialsIsDeniedWithAHint) {
  Registry registry({.access = {.kind = tests::AccessKind::basic}});
  ConnectedRepository repository(registry);
  try {
    repository->resolve({}, "1.0");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::denied);
    EXPECT_EQ(error.advice(), oci::Advice::log_in);
    EXPECT_EQ(error.hint(), registry.host());
  }
}

TEST(Access, ToPullIsAnonymousWhereTheRegistryAllowsIt) {
  Registry registry(
      {.access = {.kind = tests::AccessKind::bearer, .anonymous_rights = tests::Rights::pull}});
  const auto image = tests::make_image(registry, "team/app", "1.0");
  ConnectedRepository repository(registry);
  EXPECT_EQ(repository->resolve({}, "1.0")->digest, image.manifest.digest);
  const Upload upload;
  EXPECT_EQ(kind_of([&] { repository->push({}, upload.blob, oci::content_of(upload.bytes)); }),
            ErrorKind::denied);
}

TEST(Access, TakesOneTokenForAWholePush) {
  Registry registry({.access = {.kind = tests::AccessKind::bearer}});
  const Registry source;
  Registry filled;
  const auto image = tests::make_image(filled, "team/app", "1.0", {.layers = 6});
  ConnectedRepository from(filled);
  ConnectedRepository to(registry, "team/app", tests::user_credentials(registry));
  oci::copy({}, *from, *to, image.manifest, {.tags = {"1.0"}});
  EXPECT_LE(registry.access().tokens_issued(), 2u);
}

TEST(Answer, OfAWebPageIsSaidToBeOne) {
  Registry registry;
  registry.inject({.times = tests::always, .kind = FaultKind::html});
  ConnectedRepository repository(registry);
  try {
    repository->resolve({}, "1.0");
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("web page"));
  }
}

TEST(Answer, ThatIsNoHttpIsUnavailable) {
  Registry registry;
  registry.inject({.times = tests::always, .kind = FaultKind::raw, .body = "SSH-2.0-x\r\n"});
  auto options = tests::quick_options();
  options.retry.retries = 1;
  ConnectedRepository repository(registry, "team/app", tests::no_credentials(), options);
  EXPECT_THROW(repository->resolve({}, "1.0"), Error);
}

TEST(Answer, WithADocumentThatIsTooLargeIsRefused) {
  Registry registry;
  const std::string large = "{\"x\":\"" + std::string(5 * oci::MiB, 'x') + "\"}";
  const auto document = registry.put_manifest("team/app", "large", large, oci::media::oci_manifest);
  ConnectedRepository repository(registry);
  EXPECT_EQ(kind_of([&] { oci::fetch_document({}, *repository, document); }), ErrorKind::corrupt);
}

TEST(Answer, MayBeSlowAndStillBeGood) {
  Registry registry;
  const auto image = tests::make_image(registry, "team/app", "1.0");
  registry.inject({.kind = FaultKind::delay, .delay = std::chrono::milliseconds(200)});
  ConnectedRepository repository(registry);
  EXPECT_EQ(repository->resolve({}, "1.0")->digest, image.manifest.digest);
}

TEST(Tls, OfATestCaIsTrustedByItsFileAndRefusedWithout) {
  Registry registry({.tls = tests::Tls::on});
  const auto image = tests::make_image(registry, "team/app", "1.0");
  auto options = tests::quick_options();
  options.curl.ca_file = registry.ca_file();
  ConnectedRepository trusted(registry, "team/app", tests::no_credentials(), options);
  EXPECT_EQ(trusted->resolve({}, "1.0")->digest, image.manifest.digest);
  ConnectedRepository plain(registry);
  EXPECT_EQ(kind_of([&] { plain->resolve({}, "1.0"); }), ErrorKind::failed);
}

TEST(Tls, NeverFallsBackToPlainHttpForABadCertificate) {
  Registry registry({.tls = tests::Tls::on, .certificate = tests::Certificate::expired});
  auto options = tests::quick_options();
  options.curl.ca_file = registry.ca_file();
  ConnectedRepository repository(registry, "team/app", tests::no_credentials(), options);
  EXPECT_EQ(kind_of([&] { repository->resolve({}, "1.0"); }), ErrorKind::failed);
}

TEST(Tls, ShowsAClientCertificate) {
  Registry registry({.tls = tests::Tls::with_client_certificate});
  const auto image = tests::make_image(registry, "team/app", "1.0");
  auto options = tests::quick_options();
  options.curl.ca_file = registry.ca_file();
  options.curl.cert_file = registry.client_certificate_file();
  options.curl.key_file = registry.client_key_file();
  ConnectedRepository repository(registry, "team/app", tests::no_credentials(), options);
  EXPECT_EQ(repository->resolve({}, "1.0")->digest, image.manifest.digest);
}

}  // namespace
}  // namespace davit::transport
