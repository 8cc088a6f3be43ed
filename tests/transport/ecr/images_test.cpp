#include "transport/ecr/images.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "oci/base/log.hpp"
#include "tests/support/errors.hpp"
#include "tests/support/fake_ecr.hpp"
#include "transport/ecr/usage.hpp"

namespace davit::transport::ecr {
namespace {

using oci::ErrorKind;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using tests::FakeEcr;
using tests::kind_of;

std::string digest_of(char letter) { return "sha256:" + std::string(64, letter); }

std::string failure(const std::string& digest, const std::string& code) {
  return R"({"imageId":{"imageDigest":")" + digest + R"("},"failureCode":")" + code +
         R"(","failureReason":"why"})";
}

class EcrImages : public testing::Test {
 protected:
  FakeEcr ecr;
};

TEST_F(EcrImages, AreListedPageByPageNewestFirst) {
  ecr.on("DescribeImages",
         std::vector<std::string>{
             R"({"nextToken":"2","imageDetails":[{"imageDigest":"sha256:1","imagePushedAt":10.5,
                 "imageTags":["b","a"],"imageSizeInBytes":7}]})",
             R"({"imageDetails":[{"imageDigest":"sha256:2","imagePushedAt":20,
                 "subjectManifestDigest":"sha256:1"}]})"});
  const std::vector<Image> images = list_images({}, ecr.access(), ecr.place);
  ASSERT_THAT(images, SizeIs(2));
  EXPECT_EQ(images[0].digest, "sha256:2");
  EXPECT_EQ(images[0].subject, "sha256:1");
  EXPECT_THAT(images[1].tags, ElementsAre("a", "b"));
  EXPECT_EQ(images[1].size, 7U);
  EXPECT_EQ(images[1].pushed, 10);
  EXPECT_THAT(ecr.inputs("DescribeImages").at(1), HasSubstr(R"("nextToken":"2")"));
  EXPECT_THAT(ecr.inputs("DescribeImages").at(0), HasSubstr(R"("registryId":"123456789012")"));
}

TEST_F(EcrImages, OfNoTimeThatAClockSaysAreOfNone) {
  ecr.on("DescribeImages", R"({"imageDetails":[
      {"imageDigest":"sha256:1","imagePushedAt":1e300,"imageSizeInBytes":-5}]})");
  EXPECT_EQ(list_images({}, ecr.access(), ecr.place).at(0).pushed, 0);
  EXPECT_EQ(list_images({}, ecr.access(), ecr.place).at(0).size, 0U);
}

TEST_F(EcrImages, AreDeletedAHundredInACall) {
  ecr.on("BatchDeleteImage", "{}");
  EXPECT_THAT(delete_images({}, ecr.access(), ecr.place, std::vector<std::string>(150, "tag")),
              IsEmpty());
  EXPECT_THAT(ecr.inputs("BatchDeleteImage"), SizeIs(2));
}

TEST_F(EcrImages, ThatAnIndexListsAreDeletedOnceTheIndexIsGone) {
  ecr.on("BatchDeleteImage",
         std::vector<std::string>{
             R"({"failures":[)" + failure(digest_of('a'), "ImageReferencedByManifestList") + "]}",
             "{}"});
  EXPECT_THAT(delete_images({}, ecr.access(), ecr.place, {digest_of('a'), digest_of('b')}),
              IsEmpty());
  EXPECT_THAT(ecr.inputs("BatchDeleteImage").at(1), Not(HasSubstr(digest_of('b'))));
}

TEST_F(EcrImages, ThatAnIndexKeepsListingAreNotAskedForForEver) {
  ecr.on("BatchDeleteImage",
         R"({"failures":[)" + failure(digest_of('a'), "ImageReferencedByManifestList") + "]}");
  const auto failures =
      delete_images({}, ecr.access(), ecr.place, {digest_of('a'), digest_of('b')});
  ASSERT_THAT(failures, SizeIs(1));
  EXPECT_EQ(failures[0].image, digest_of('a'));
  EXPECT_THAT(failures[0].why, HasSubstr("ImageReferencedByManifestList"));
  EXPECT_THAT(ecr.inputs("BatchDeleteImage"), SizeIs(2));
}

TEST_F(EcrImages, ThatAreNotThereAreNotFound) {
  ecr.on("BatchDeleteImage", R"({"failures":[)" + failure(digest_of('a'), "ImageNotFound") + "]}");
  EXPECT_EQ(kind_of([&] { delete_image({}, ecr.access(), ecr.place, digest_of('a')); }),
            ErrorKind::not_found);
}

/// One good manifest, one of Docker's schema 1, and one that the service does not give.
class EcrDocuments : public EcrImages {
 protected:
  EcrDocuments() {
    oci::set_log([this](oci::LogLevel level, std::string_view line) {
      if (level == oci::LogLevel::warning) warnings.emplace_back(line);
    });
    ecr.on(
        "BatchGetImage",
        R"({"images":[{"imageId":{"imageDigest":")" + digest_of('b') +
            R"("},"imageManifestMediaType":"application/vnd.docker.distribution.manifest.v1+json",
               "imageManifest":"{\"schemaVersion\":1}"},
               {"imageId":{"imageDigest":")" +
            digest_of('a') +
            R"("},"imageManifestMediaType":"application/vnd.oci.image.manifest.v1+json",
               "imageManifest":"{\"schemaVersion\":2,\"config\":{\"mediaType\":\"application/vnd.oci.image.config.v1+json\",\"size\":10,\"digest\":\")" +
            digest_of('1') +
            R"(\"},\"layers\":[{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar\",\"size\":100,\"digest\":\")" +
            digest_of('2') + R"(\"}]}"}]})");
    for (const char letter : {'a', 'b', 'c'}) {
      images.push_back({.digest = digest_of(letter), .tags = {"x", "y"}, .size = 1000});
    }
  }
  ~EcrDocuments() override { oci::set_log({}); }

  std::vector<Image> images;
  std::vector<std::string> warnings;
};

TEST_F(EcrDocuments, ThatCannotBeReadAreAWarning) {
  std::map<std::string, bool> read;
  read_documents({}, ecr.access(), ecr.place, images, [&](const ReadDocument& one) {
    read[one.image.digest] = one.document != nullptr;
  });
  EXPECT_EQ(read, (std::map<std::string, bool>{
                      {digest_of('a'), true}, {digest_of('b'), false}, {digest_of('c'), false}}));
  ASSERT_THAT(warnings, SizeIs(2));
  EXPECT_THAT(warnings[0], HasSubstr("app@" + digest_of('b')));
  EXPECT_THAT(warnings[1], HasSubstr("app@" + digest_of('c')));
}

TEST_F(EcrDocuments, ThatCannotBeReadTakeWhatEcrSays) {
  ecr.on("DescribeImages", R"({"imageDetails":[
      {"imageDigest":")" + digest_of('a') +
                               R"(","imageTags":["1"],"imageSizeInBytes":1000},
      {"imageDigest":")" + digest_of('b') +
                               R"(","imageSizeInBytes":1000}]})");
  const Usage usage = disk_usage({}, ecr.access(), ecr.place);
  EXPECT_EQ(usage.images, 2U);
  EXPECT_EQ(usage.tags, 1U);
  EXPECT_EQ(usage.billed, 2000U);
  EXPECT_EQ(usage.distinct, 1110U);
}

TEST_F(EcrDocuments, OfTwoImagesCountASharedLayerOnce) {
  UsageCounter counter("app");
  read_documents({}, ecr.access(), ecr.place, {images.front()}, [&](const ReadDocument& read) {
    counter.add(read.image, read.document);
    counter.add(read.image, read.document);
  });
  EXPECT_EQ(counter.usage().distinct, 110U);
  EXPECT_EQ(counter.usage().billed, 2000U);
}

}  // namespace
}  // namespace davit::transport::ecr
