#include "transport/registry/repository.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "oci/model/manifest.hpp"
#include "tests/support/sample_image.hpp"
#include "tests/transport/registry/client_fixture.hpp"

namespace davit::transport {
namespace {

using oci::Error;
using oci::ErrorKind;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using tests::ConnectedRepository;
using tests::Fault;
using tests::FaultKind;
using tests::Registry;

const std::string blob_type = "application/octet-stream";

std::string fetched(oci::Store& store, const oci::Descriptor& descriptor) {
  return oci::collect({}, oci::content_in(store, descriptor), 64 * oci::MiB, "content");
}

template <class Action>
Error error_of(Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "nothing was thrown";
  return Error(ErrorKind::failed, "nothing was thrown");
}

TEST(Repository, IsNamedAsPeopleWriteIt) {
  const Registry registry;
  EXPECT_EQ(ConnectedRepository(registry)->name(), registry.host() + "/team/app");
}

TEST(Repository, PushesAndFetchesABlob) {
  const Registry registry;
  ConnectedRepository repository(registry);
  const std::string bytes = tests::random_bytes(300'000, 1);
  const auto blob = oci::describe(blob_type, bytes);
  EXPECT_FALSE(repository->has({}, blob));
  repository->push({}, blob, oci::content_of(bytes));
  EXPECT_TRUE(repository->has({}, blob));
  EXPECT_EQ(fetched(*repository, blob), bytes);
}

TEST(Repository, PushesInOnePostAndOnePut) {
  const Registry registry;
  ConnectedRepository repository(registry);
  repository->push({}, oci::describe(blob_type, "hello"), oci::content_of("hello"));
  EXPECT_EQ(registry.count("POST", "/blobs/uploads/"), 1u);
  EXPECT_EQ(registry.count("PATCH", ""), 0u);
  EXPECT_EQ(registry.count("PUT", "digest="), 1u);
}

TEST(Repository, AddsContentWhoseDigestShowsAtItsEnd) {
  const Registry registry;
  ConnectedRepository repository(registry);
  const std::string bytes = tests::random_bytes(3'000'000, 2);
  const auto added = repository->add({}, blob_type, oci::content_of(bytes));
  EXPECT_EQ(added.digest, oci::digest_of(oci::bytes_of(bytes)));
  EXPECT_EQ(added.size, bytes.size());
  EXPECT_EQ(added.media_type, blob_type);
  EXPECT_TRUE(registry.has_blob("team/app", added.digest));
  EXPECT_EQ(registry.count("PATCH", "/blobs/uploads/"), 1u);
}

TEST(Repository, RefusesToStoreWhatIsNotItsDigest) {
  const Registry registry;
  ConnectedRepository repository(registry);
  auto wrong = oci::describe(blob_type, "hello");
  const Error error = error_of([&] { repository->push({}, wrong, oci::content_of("jello")); });
  EXPECT_EQ(error.kind(), ErrorKind::corrupt) << error.what();
  EXPECT_FALSE(registry.has_blob("team/app", wrong.digest));
}

TEST(Repository, FindsADocumentByTagAndByDigest) {
  Registry registry;
  const auto image = tests::make_image(registry, "team/app", "1.0");
  ConnectedRepository repository(registry);
  const auto by_tag = repository->resolve({}, "1.0");
  ASSERT_TRUE(by_tag);
  EXPECT_EQ(by_tag->digest, image.manifest.digest);
  EXPECT_EQ(by_tag->size, image.manifest.size);
  EXPECT_EQ(by_tag->media_type, image.manifest.media_type);
  EXPECT_EQ(repository->resolve({}, image.manifest.digest.str())->digest, image.manifest.digest);
  EXPECT_EQ(repository->resolve({}, "absent"), std::nullopt);
}

TEST(Repository, HashesTheDocumentWhereTheRegistrySaysNoDigest) {
  Registry registry;
  const auto image = tests::make_image(registry, "team/app", "1.0");
  registry.inject({.method = "HEAD", .times = tests::always, .kind = FaultKind::no_digest});
  ConnectedRepository repository(registry);
  EXPECT_EQ(repository->resolve({}, "1.0")->digest, image.manifest.digest);
}

TEST(Repository, BelievesNoDigestThatTheBytesDoNotHave) {
  Registry registry;
  tests::make_image(registry, "team/app", "1.0");
  registry.inject({.method = "HEAD", .times = tests::always, .kind = FaultKind::wrong_digest});
  ConnectedRepository repository(registry);
  const Error error = error_of([&] {
    const auto found = oci::require({}, *repository, "1.0");
    oci::fetch_document({}, *repository, found);
  });
  EXPECT_THAT(error.kind(), testing::AnyOf(ErrorKind::corrupt, ErrorKind::not_found));
}

TEST(Repository, RefusesADocumentThatWasDamagedOnItsWay) {
  Registry registry;
  const auto image = tests::make_image(registry, "team/app", "1.0");
  registry.inject({.method = "GET",
                   .path = "/manifests/",
                   .times = tests::always,
                   .kind = FaultKind::flip_byte,
                   .bytes = 5});
  ConnectedRepository repository(registry);
  const Error error = error_of([&] { oci::fetch_document({}, *repository, image.manifest); });
  EXPECT_EQ(error.kind(), ErrorKind::corrupt);
  EXPECT_THAT(error.what(), HasSubstr(image.manifest.digest.str()));
}

TEST(Repository, RefusesABlobThatWasDamagedOnItsWay) {
  Registry registry;
  const auto blob = registry.put_blob("team/app", tests::random_bytes(100'000, 3));
  registry.inject({.method = "GET",
                   .path = "/blobs/",
                   .times = tests::always,
                   .kind = FaultKind::flip_byte,
                   .bytes = 50'000});
  ConnectedRepository repository(registry);
  EXPECT_EQ(error_of([&] { fetched(*repository, blob); }).kind(), ErrorKind::corrupt);
}

TEST(Repository, SaysWhatIsMissing) {
  const Registry registry;
  ConnectedRepository repository(registry);
  const auto blob = oci::describe(blob_type, "absent");
  const Error error = error_of([&] { fetched(*repository, blob); });
  EXPECT_EQ(error.kind(), ErrorKind::not_found);
  EXPECT_THAT(error.what(), HasSubstr(blob.digest.str()));
}

TEST(Repository, TagsADocumentVerbatim) {
  Registry registry;
  const auto image = tests::make_image(registry, "team/app", "1.0");
  ConnectedRepository repository(registry);
  const std::string document = oci::fetch_document({}, *repository, image.manifest);
  repository->tag({}, image.manifest, oci::content_of(document), "stable");
  EXPECT_EQ(repository->resolve({}, "stable")->digest, image.manifest.digest);
  EXPECT_THAT(registry.tags("team/app"), testing::UnorderedElementsAre("1.0", "stable"));
}

TEST(Repository, TaggingWhatIsTaggedSoIsSuccessUnderAnImmutableTag) {
  Registry registry({.api = {.tags = tests::Tags::immutable}});
  const auto image = tests::make_image(registry, "team/app", "1.0");
  ConnectedRepository repository(registry);
  const std::string document = oci::fetch_document({}, *repository, image.manifest);
  EXPECT_NO_THROW(repository->tag({}, image.manifest, oci::content_of(document), "1.0"));
}

TEST(Repository, MovingAnImmutableTagIsRefused) {
  Registry registry({.api = {.tags = tests::Tags::immutable}});
  tests::make_image(registry, "team/app", "1.0");
  const auto other = tests::make_image(registry, "team/app", "2.0", {.seed = 9});
  ConnectedRepository repository(registry);
  const std::string document = oci::fetch_document({}, *repository, other.manifest);
  const Error error =
      error_of([&] { repository->tag({}, other.manifest, oci::content_of(document), "1.0"); });
  EXPECT_EQ(error.kind(), ErrorKind::refused);
  EXPECT_THAT(error.what(), HasSubstr("1.0"));
}

TEST(Repository, ListsTagsThroughAllPages) {
  Registry registry({.api = {.page_size = 2}});
  for (const char* tag : {"a", "b", "c", "d", "e"}) tests::make_image(registry, "team/app", tag);
  ConnectedRepository repository(registry);
  EXPECT_THAT(repository->tags({}), ElementsAre("a", "b", "c", "d", "e"));
  EXPECT_EQ(registry.count("GET", "/tags/list"), 3u);
}

TEST(Repository, EndsAListThatHasNoEnd) {
  Registry registry;
  tests::make_image(registry, "team/app", "a");
  registry.inject({.method = "GET",
                   .path = "/tags/list",
                   .times = tests::always,
                   .status = 200,
                   .headers = {{"Link", "</v2/team/app/tags/list?n=1000>; rel=\"next\""}},
                   .body = R"({"name":"team/app","tags":["a"]})"});
  ConnectedRepository repository(registry);
  EXPECT_EQ(error_of([&] { repository->tags({}); }).kind(), ErrorKind::corrupt);
}

TEST(Repository, FollowsNoListToAnotherHost) {
  Registry registry;
  registry.inject({.method = "GET",
                   .path = "/tags/list",
                   .status = 200,
                   .headers = {{"Link", "<" + registry.blob_host_url() +
                                            "/v2/team/app/tags/list?last=x>; rel=\"next\""}},
                   .body = R"({"tags":["a"]})"});
  ConnectedRepository repository(registry);
  EXPECT_THROW(repository->tags({}), Error);
  for (const auto& request : registry.requests()) {
    EXPECT_EQ(request.port, tests::Port::registry);
  }
}

TEST(Repository, ThatDoesNotExistHasNoTags) {
  const Registry registry;
  ConnectedRepository repository(registry);
  EXPECT_EQ(error_of([&] { repository->tags({}); }).kind(), ErrorKind::not_found);
}

TEST(Repository, ListsReferrers) {
  Registry registry;
  const auto image = tests::make_image(registry, "team/app", "1.0");
  oci::Manifest signature;
  signature.media_type = oci::media::oci_manifest;
  signature.artifact_type = "application/vnd.example.signature";
  signature.config = registry.put_blob("team/app", "{}", oci::media::oci_empty);
  signature.subject = image.manifest;
  const std::string document = oci::to_json(signature);
  ConnectedRepository repository(registry);
  const auto descriptor = oci::describe(oci::media::oci_manifest, document);
  repository->push({}, descriptor, oci::content_of(document));
  const auto referrers = repository->referrers({}, image.manifest.digest);
  ASSERT_EQ(referrers.size(), 1u);
  EXPECT_EQ(referrers[0].digest, descriptor.digest);
  EXPECT_EQ(referrers[0].artifact_type, "application/vnd.example.signature");
}

TEST(Repository, FindsReferrersUnderTheFallbackTagWhereTheApiIsMissing) {
  Registry registry;
  const auto image = tests::make_image(registry, "team/app", "1.0");
  registry.inject({.path = "/referrers/", .times = tests::always, .status = 404});
  oci::Index index{.media_type = std::string(oci::media::oci_index),
                   .artifact_type = {},
                   .manifests = {image.manifest},
                   .subject = std::nullopt,
                   .annotations = {}};
  registry.put_manifest("team/app", "sha256-" + std::string(image.manifest.digest.hex()),
                        oci::to_json(index), oci::media::oci_index);
  ConnectedRepository repository(registry);
  EXPECT_EQ(repository->referrers({}, image.manifest.digest).size(), 1u);
}

TEST(Repository, DeletesByDigestAndByTag) {
  Registry registry;
  const auto image = tests::make_image(registry, "team/app", "1.0");
  tests::make_image(registry, "team/app", "2.0", {.seed = 5});
  ConnectedRepository repository(registry);
  repository->remove({}, image.manifest.digest.str());
  EXPECT_EQ(repository->resolve({}, "1.0"), std::nullopt);
  repository->remove({}, "2.0");
  EXPECT_EQ(repository->resolve({}, "2.0"), std::nullopt);
  EXPECT_EQ(error_of([&] { repository->remove({}, "2.0"); }).kind(), ErrorKind::not_found);
}

TEST(Repository, HintsAtTheDigestWhereTagsCannotBeDeleted) {
  Registry registry;
  tests::make_image(registry, "team/app", "1.0");
  registry.inject({.method = "DELETE",
                   .status = 405,
                   .body = R"({"errors":[{"code":"UNSUPPORTED","message":"no"}]})"});
  ConnectedRepository repository(registry);
  EXPECT_EQ(error_of([&] { repository->remove({}, "1.0"); }).advice(),
            oci::Advice::delete_by_digest);
}

TEST(Mount, TakesABlobFromAnotherRepositoryOfTheRegistry) {
  Registry registry;
  const auto blob = registry.put_blob("base/image", "content");
  ConnectedRepository to(registry);
  const auto from =
      to.client.repository({}, oci::Reference::parse(registry.host() + "/base/image"));
  EXPECT_TRUE(to->mount({}, blob, *from->mount_source()));
  EXPECT_TRUE(registry.has_blob("team/app", blob.digest));
  EXPECT_EQ(registry.count("GET", "/blobs/"), 0u);
}

TEST(Mount, ThatIsIgnoredLeavesAnUploadThatThePushGoesOnWith) {
  Registry registry;
  const auto blob = registry.put_blob("base/image", "content");
  registry.inject({.method = "POST", .kind = FaultKind::ignore_mount});
  ConnectedRepository to(registry);
  const auto from =
      to.client.repository({}, oci::Reference::parse(registry.host() + "/base/image"));
  EXPECT_FALSE(to->mount({}, blob, *from->mount_source()));
  to->push({}, blob, oci::content_in(*from, blob));
  EXPECT_TRUE(registry.has_blob("team/app", blob.digest));
  EXPECT_EQ(registry.count("POST", "/uploads/"), 1u);
}

class RefusedMount : public testing::TestWithParam<int> {};

TEST_P(RefusedMount, FallsBackToAnUpload) {
  Registry registry;
  const auto blob = registry.put_blob("base/image", "content");
  registry.inject(
      {.method = "POST", .path = "mount=", .times = tests::always, .status = GetParam()});
  ConnectedRepository to(registry);
  const auto from =
      to.client.repository({}, oci::Reference::parse(registry.host() + "/base/image"));
  EXPECT_FALSE(to->mount({}, blob, *from->mount_source()));
  to->push({}, blob, oci::content_in(*from, blob));
  EXPECT_TRUE(registry.has_blob("team/app", blob.digest));
}

INSTANTIATE_TEST_SUITE_P(Statuses, RefusedMount, testing::Values(400, 401, 403, 404, 405, 415));

TEST(Mount, IsNotTriedBetweenRegistries) {
  const Registry one;
  Registry other;
  const auto blob = other.put_blob("base/image", "content");
  ConnectedRepository to(one);
  const auto from = to.client.repository({}, oci::Reference::parse(other.host() + "/base/image"));
  EXPECT_FALSE(to->mount({}, blob, *from->mount_source()));
  EXPECT_EQ(one.count("POST", ""), 0u);
}

TEST(Catalog, ListsTheRepositories) {
  Registry registry({.api = {.page_size = 1}});
  tests::make_image(registry, "a/x", "1");
  tests::make_image(registry, "b/y", "1");
  Client client(tests::quick_options(), tests::no_credentials());
  EXPECT_THAT(client.catalog({}, registry.host()), ElementsAre("a/x", "b/y"));
}

}  // namespace
}  // namespace davit::transport
