#include "tests/support/registry.hpp"

#include <curl/curl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

#include "oci/model/media_type.hpp"
#include "tests/support/sample_image.hpp"
#include "tests/support/test_client.hpp"

namespace davit::tests {
namespace {

std::string digest_text(const std::string& bytes) {
  return oci::digest_of(oci::bytes_of(bytes)).str();
}

Reply send(const Registry& registry, const std::string& method, const std::string& target,
           std::vector<std::string> headers = {}, std::optional<std::string> body = {}) {
  return fetch({method, registry.url() + target, std::move(headers), std::move(body)});
}

/// The Location of a new session of repository "a".
std::string begin_upload(const Registry& registry) {
  return send(registry, "POST", "/v2/a/blobs/uploads/").header("Location");
}

TEST(Registry, AnswersThePing) {
  const Registry registry;
  EXPECT_EQ(send(registry, "GET", "/v2/").status, 200);
}

TEST(Registry, TakesABlobByPostAndPut) {
  const Registry registry;
  const std::string digest = digest_text("hello");
  const Reply reply = fetch({"PUT", begin_upload(registry) + "&digest=" + digest, {}, "hello"});
  EXPECT_EQ(reply.status, 201);
  EXPECT_EQ(reply.header("Docker-Content-Digest"), digest);
  EXPECT_EQ(send(registry, "GET", "/v2/a/blobs/" + digest).body, "hello");
}

TEST(Registry, TakesABlobInOnePost) {
  const Registry registry;
  const std::string target = "/v2/a/blobs/uploads/?digest=" + digest_text("hello");
  EXPECT_EQ(send(registry, "POST", target, {}, "hello").status, 201);
  EXPECT_TRUE(registry.has_blob("a", oci::Digest::parse(digest_text("hello"))));
}

TEST(Registry, RefusesABlobThatIsNotItsDigest) {
  const Registry registry;
  const std::string put = begin_upload(registry) + "&digest=" + digest_text("hello");
  EXPECT_EQ(fetch({"PUT", put, {}, "other"}).status, 400);
  EXPECT_FALSE(registry.has_blob("a", oci::Digest::parse(digest_text("hello"))));
}

TEST(Registry, TakesChunksInOrder) {
  const Registry registry;
  const Reply first = fetch({"PATCH", begin_upload(registry), {"Content-Range: 0-2"}, "hel"});
  EXPECT_EQ(first.status, 202);
  EXPECT_EQ(first.header("Range"), "0-2");
  const Reply second = fetch({"PATCH", first.header("Location"), {"Content-Range: 3-4"}, "lo"});
  EXPECT_EQ(fetch({"GET", second.header("Location")}).header("Range"), "0-4");
  const std::string put = second.header("Location") + "&digest=" + digest_text("hello");
  EXPECT_EQ(fetch({"PUT", put, {}, ""}).status, 201);
}

TEST(Registry, AnswersAChunkAtTheWrongOffsetWithTheRightOne) {
  const Registry registry;
  const Reply first = fetch({"PATCH", begin_upload(registry), {"Content-Range: 0-2"}, "hel"});
  const Reply wrong = fetch({"PATCH", first.header("Location"), {"Content-Range: 0-4"}, "hello"});
  EXPECT_EQ(wrong.status, 416);
  EXPECT_EQ(wrong.header("Range"), "0-2");
  EXPECT_NE(wrong.body.find("is 0 instead of 3"), std::string::npos);
}

TEST(Registry, RefusesAChunkOfAnotherLengthThanItsRange) {
  const Registry registry;
  EXPECT_EQ(fetch({"PATCH", begin_upload(registry), {"Content-Range: 0-9"}, "hel"}).status, 400);
}

TEST(Registry, RefusesAChunkAfterOneThatWasTooSmall) {
  const Registry registry({.api = {.min_chunk = 4}});
  const Reply begun = send(registry, "POST", "/v2/a/blobs/uploads/");
  EXPECT_EQ(begun.header("OCI-Chunk-Min-Length"), "4");
  const Reply small = fetch({"PATCH", begun.header("Location"), {}, "hel"});
  EXPECT_EQ(fetch({"PATCH", small.header("Location"), {}, "lo"}).status, 400);
}

TEST(Registry, ForgetsAnUploadThatIsDeleted) {
  Registry registry;
  const std::string location = begin_upload(registry);
  EXPECT_EQ(fetch({"DELETE", location}).status, 204);
  EXPECT_EQ(fetch({"GET", location}).status, 404);
  EXPECT_EQ(registry.content().open_uploads(), 0U);
}

TEST(Registry, DemandsTheQueryOfALocation) {
  const Registry registry;
  const std::string location = begin_upload(registry);
  EXPECT_EQ(fetch({"PATCH", location.substr(0, location.find('?')), {}, "x"}).status, 400);
}

TEST(Registry, MountsWhatTheOtherRepositoryHas) {
  Registry registry;
  const auto blob = registry.put_blob("from", "hello");
  const std::string mount = "/v2/to/blobs/uploads/?from=from&mount=" + blob.digest.str();
  EXPECT_EQ(send(registry, "POST", mount).status, 201);
  EXPECT_TRUE(registry.has_blob("to", blob.digest));
}

TEST(Registry, BeginsAnUploadWhereAMountIsNotPossible) {
  const Registry registry;
  const std::string mount = "/v2/to/blobs/uploads/?from=from&mount=" + digest_text("hello");
  const Reply reply = send(registry, "POST", mount);
  EXPECT_EQ(reply.status, 202);
  EXPECT_FALSE(reply.header("Location").empty());
}

TEST(Registry, SendsARangeOfABlob) {
  Registry registry;
  const std::string target = "/v2/a/blobs/" + registry.put_blob("a", "0123456789").digest.str();
  const Reply middle = send(registry, "GET", target, {"Range: bytes=3-5"});
  EXPECT_EQ(middle.status, 206);
  EXPECT_EQ(middle.header("Content-Range"), "bytes 3-5/10");
  EXPECT_EQ(middle.body, "345");
  EXPECT_EQ(send(registry, "GET", target, {"Range: bytes=8-"}).body, "89");
  EXPECT_EQ(send(registry, "GET", target, {"Range: bytes=-1"}).body, "9");
  EXPECT_EQ(send(registry, "GET", target, {"Range: bytes=10-"}).status, 416);
}

TEST(Registry, SendsTheWholeBlobWhenItIsNotTheOneAskedToContinue) {
  Registry registry;
  const std::string target = "/v2/a/blobs/" + registry.put_blob("a", "0123456789").digest.str();
  const Reply reply = send(registry, "GET", target, {"Range: bytes=3-", "If-Range: \"other\""});
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, "0123456789");
}

TEST(Registry, AnswersHeadWithSizeAndDigestAlone) {
  Registry registry;
  const auto blob = registry.put_blob("a", "hello");
  const Reply reply = send(registry, "HEAD", "/v2/a/blobs/" + blob.digest.str());
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.header("Content-Length"), "5");
  EXPECT_EQ(reply.body, "");
}

TEST(Registry, FindsAManifestByTagAndDigest) {
  Registry registry;
  const SampleImage image = make_image(registry, "a", "1");
  for (const std::string& reference : {std::string("1"), image.manifest.digest.str()}) {
    const Reply reply = send(registry, "GET", "/v2/a/manifests/" + reference);
    EXPECT_EQ(reply.header("Content-Type"), oci::media::oci_manifest);
    EXPECT_EQ(digest_text(reply.body), image.manifest.digest.str());
  }
}

TEST(Registry, HidesAManifestOfATypeThatIsNotAccepted) {
  Registry registry;
  make_image(registry, "a", "1");
  const std::string accept = "Accept: " + std::string(oci::media::docker_manifest);
  EXPECT_EQ(send(registry, "GET", "/v2/a/manifests/1", {accept}).status, 404);
}

TEST(Registry, RefusesAManifestWhoseLayersAreMissing) {
  Registry registry;
  make_image(registry, "a", "1");
  const Reply manifest = send(registry, "GET", "/v2/a/manifests/1");
  const std::string type = "Content-Type: " + manifest.header("Content-Type");
  const Reply missing = send(registry, "PUT", "/v2/b/manifests/1", {type}, manifest.body);
  EXPECT_EQ(missing.status, 400);
  EXPECT_NE(missing.body.find("MANIFEST_BLOB_UNKNOWN"), std::string::npos);
  EXPECT_EQ(send(registry, "PUT", "/v2/a/manifests/2", {type}, manifest.body).status, 201);
  EXPECT_EQ(registry.tags("a"), (std::vector<std::string>{"1", "2"}));
}

TEST(Registry, RefusesWhatIsNoManifest) {
  const Registry registry;
  const std::string type = "Content-Type: " + std::string(oci::media::oci_manifest);
  for (const std::string& body :
       {std::string("no json"), std::string(R"({"layers":[],"manifests":[]})"),
        std::string(R"({"layers":[{}]})"), std::string(R"({"mediaType":"other/type"})")}) {
    EXPECT_EQ(send(registry, "PUT", "/v2/a/manifests/1", {type}, body).status, 400) << body;
  }
}

TEST(Registry, DeletesATagOrAManifestWithItsTags) {
  Registry registry;
  const SampleImage image = make_image(registry, "a", "1");
  EXPECT_EQ(send(registry, "DELETE", "/v2/a/manifests/1").status, 202);
  EXPECT_EQ(send(registry, "GET", "/v2/a/manifests/1").status, 404);
  const std::string by_digest = "/v2/a/manifests/" + image.manifest.digest.str();
  EXPECT_EQ(send(registry, "DELETE", by_digest).status, 202);
  EXPECT_EQ(send(registry, "GET", by_digest).status, 404);
}

TEST(Registry, KeepsTagsThatAreImmutable) {
  Registry registry({.api = {.tags = Tags::immutable}});
  make_image(registry, "a", "1");
  const Reply manifest = send(registry, "GET", "/v2/a/manifests/1");
  const std::string type = "Content-Type: " + manifest.header("Content-Type");
  const Reply refused = send(registry, "PUT", "/v2/a/manifests/1", {type}, manifest.body);
  EXPECT_EQ(refused.status, 400);
  EXPECT_NE(refused.body.find("TAG_INVALID"), std::string::npos);
}

TEST(Registry, ListsTagsInPagesWithLinks) {
  Registry registry;
  for (const char* tag : {"a", "b", "c"}) make_image(registry, "a", tag);
  const Reply first = send(registry, "GET", "/v2/a/tags/list?n=2");
  EXPECT_EQ(first.body, R"({"name":"a","tags":["a","b"]})");
  EXPECT_EQ(first.header("Link"), R"(</v2/a/tags/list?n=2&last=b>; rel="next")");
  const Reply last = send(registry, "GET", "/v2/a/tags/list?n=2&last=b");
  EXPECT_EQ(last.body, R"({"name":"a","tags":["c"]})");
  EXPECT_EQ(last.header("Link"), "");
  EXPECT_EQ(send(registry, "GET", "/v2/missing/tags/list").status, 404);
}

TEST(Registry, ListsRepositories) {
  Registry registry;
  make_image(registry, "team/b", "1");
  make_image(registry, "a", "1");
  EXPECT_EQ(send(registry, "GET", "/v2/_catalog").body, R"({"repositories":["a","team/b"]})");
}

TEST(Registry, ListsReferrersByArtifactType) {
  Registry registry;
  const SampleImage image = make_image(registry, "a", "1");
  const std::string subject = image.manifest.digest.str();
  registry.put_manifest(
      "a", "", fmt::format(R"({{"artifactType":"text/x","subject":{{"digest":"{}"}}}})", subject),
      oci::media::oci_manifest);
  const std::string target = "/v2/a/referrers/" + subject;
  EXPECT_NE(send(registry, "GET", target).body.find("text/x"), std::string::npos);
  const Reply none = send(registry, "GET", target + "?artifactType=text/y");
  EXPECT_EQ(none.header("OCI-Filters-Applied"), "artifactType");
  EXPECT_NE(none.body.find(R"("manifests":[])"), std::string::npos);
}

TEST(Registry, MakesNoRepositoryByPushIfToldSo) {
  Registry registry({.api = {.creation = Creation::beforehand}});
  EXPECT_EQ(send(registry, "POST", "/v2/a/blobs/uploads/").status, 404);
  registry.content().create("a");
  EXPECT_EQ(send(registry, "POST", "/v2/a/blobs/uploads/").status, 202);
}

TEST(Registry, RedirectsBlobsToAHostThatWantsNoAuthorization) {
  Registry registry({.blobs = BlobDelivery::redirected});
  const auto blob = registry.put_blob("a", "hello");
  const Reply reply = send(registry, "GET", "/v2/a/blobs/" + blob.digest.str());
  EXPECT_EQ(reply.status, 307);
  const std::string elsewhere = reply.header("Location");
  EXPECT_TRUE(elsewhere.starts_with(registry.blob_host_url()));
  EXPECT_EQ(fetch({"GET", elsewhere}).body, "hello");
  EXPECT_EQ(fetch({"GET", elsewhere, {"Authorization: Basic eDp5"}}).status, 400);
  EXPECT_EQ(registry.requests().back().port, Port::blob_host);
  EXPECT_EQ(registry.requests().back().authorization_scheme(), "Basic");
}

TEST(Registry, RecordsWhatWasAsked) {
  Registry registry;
  send(registry, "PUT", "/v2/a/manifests/1?x=y", {"X-Custom: here"}, "12345");
  const auto requests = registry.requests();
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_EQ(requests[0].method, "PUT");
  EXPECT_EQ(requests[0].target, "/v2/a/manifests/1?x=y");
  EXPECT_EQ(requests[0].headers.get("x-custom"), "here");
  EXPECT_EQ(requests[0].body_bytes, 5U);
  EXPECT_EQ(requests[0].status, 400);
  EXPECT_EQ(registry.count("PUT", "/manifests/"), 1U);
  registry.forget_requests();
  EXPECT_EQ(registry.count("", ""), 0U);
}

TEST(Registry, TellsAClientAtOnceThatItDoesNotSpeakTls) {
  const Registry registry;
  EXPECT_EQ(fetch({.url = "https://" + registry.host() + "/v2/"}).failure, CURLE_SSL_CONNECT_ERROR);
  EXPECT_EQ(registry.count("", ""), 0U);
}

TEST(Registry, SpeaksTlsWithACertificateOfItsOwnAuthority) {
  const Registry registry({.tls = Tls::on});
  const std::string url = registry.url() + "/v2/";
  EXPECT_EQ(fetch({.url = url}).failure, CURLE_PEER_FAILED_VERIFICATION);
  EXPECT_EQ(fetch({.url = url, .ca_file = registry.ca_file()}).status, 200);
}

TEST(Registry, ShowsABadCertificateIfToldSo) {
  for (const Certificate kind : {Certificate::expired, Certificate::other_host}) {
    const Registry registry({.tls = Tls::on, .certificate = kind});
    const Reply reply = fetch({.url = registry.url() + "/v2/", .ca_file = registry.ca_file()});
    EXPECT_EQ(reply.failure, CURLE_PEER_FAILED_VERIFICATION);
  }
}

TEST(Registry, DemandsAClientCertificateIfToldSo) {
  const Registry registry({.tls = Tls::with_client_certificate});
  Call call{.url = registry.url() + "/v2/", .ca_file = registry.ca_file()};
  EXPECT_NE(fetch(call).failure, CURLE_OK);
  call.client_certificate = registry.client_certificate_file();
  call.client_key = registry.client_key_file();
  EXPECT_EQ(fetch(call).status, 200);
}

}  // namespace
}  // namespace davit::tests
