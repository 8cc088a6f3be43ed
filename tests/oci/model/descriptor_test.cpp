#include "oci/model/descriptor.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "oci/base/error.hpp"
#include "oci/model/descriptor_json.hpp"

namespace davit::oci {
namespace {

Error failure(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error;
  }
  throw std::logic_error("nothing failed");
}

TEST(Describe, GivesSizeAndDigest) {
  const Descriptor descriptor = describe("text/plain", "abc");
  EXPECT_EQ(descriptor.media_type, "text/plain");
  EXPECT_EQ(descriptor.size, 3);
  EXPECT_EQ(descriptor.digest, digest_of(bytes_of("abc")));
}

TEST(Verifier, PassesOnWhatMatches) {
  StringSink sink(100, "it");
  Verifier verifier(describe("", "abcdef"), sink);
  verifier.write(bytes_of("abc"));
  verifier.write({});
  verifier.write(bytes_of("def"));
  verifier.finish();
  EXPECT_EQ(sink.text(), "abcdef");
}

TEST(Verifier, TakesNothingForNothing) {
  NullSink sink;
  Verifier(describe("", ""), sink).finish();
}

TEST(Verifier, VerifiesByTheAlgorithmOfTheDigest) {
  NullSink sink;
  const Descriptor expected{.digest = digest_of(bytes_of("abc"), DigestAlgorithm::sha512),
                            .size = 3};
  Verifier verifier(expected, sink);
  verifier.write(bytes_of("abc"));
  verifier.finish();
}

TEST(Verifier, RefusesAByteTooManyAtOnceAndDoesNotPassItOn) {
  StringSink sink(100, "it");
  Verifier verifier(describe("", "abc"), sink);
  verifier.write(bytes_of("ab"));
  const Error error = failure([&] { verifier.write(bytes_of("cd")); });
  EXPECT_EQ(error.kind(), ErrorKind::corrupt);
  EXPECT_THAT(error.what(), testing::EndsWith(" is longer than the 3 bytes promised"));
  EXPECT_EQ(sink.text(), "ab");
}

TEST(Verifier, RefusesAnEarlyEnd) {
  NullSink sink;
  Verifier verifier(describe("", "abc"), sink);
  verifier.write(bytes_of("ab"));
  const Error error = failure([&] { verifier.finish(); });
  EXPECT_EQ(error.kind(), ErrorKind::corrupt);
  EXPECT_THAT(error.what(), testing::EndsWith(" ends after 2 of 3 bytes"));
}

TEST(Verifier, RefusesOtherBytesAndNamesBothDigests) {
  NullSink sink;
  Verifier verifier(describe("", "abc"), sink);
  verifier.write(bytes_of("abd"));
  const Error error = failure([&] { verifier.finish(); });
  EXPECT_EQ(error.kind(), ErrorKind::corrupt);
  EXPECT_EQ(error.what(), "content has digest " + digest_of(bytes_of("abd")).str() + ", not " +
                              digest_of(bytes_of("abc")).str());
}

TEST(Verifier, AcceptsNothingForADigestThatIsNotThere) {
  NullSink sink;
  EXPECT_THROW(Verifier(Descriptor(), sink).finish(), Error);
}

Descriptor from(const std::string& text) { return descriptor_from(parse_json(text, "it"), "it"); }

const std::string digest = R"("digest":")" + digest_of(bytes_of("{}")).str() + R"(")";

TEST(DescriptorJson, ReadsEveryMember) {
  const Descriptor descriptor =
      from("{" + digest + R"(,"size":2,"mediaType":"m","artifactType":"a","data":"e30=",)" +
           R"("urls":["https://u"],"annotations":{"k":"v"},"platform":{"os":"linux",)" +
           R"("architecture":"arm","variant":"v7","os.version":"1","os.features":["f",1]}})");
  EXPECT_EQ(descriptor.media_type, "m");
  EXPECT_EQ(descriptor.artifact_type, "a");
  EXPECT_EQ(descriptor.size, 2);
  EXPECT_EQ(descriptor.data, "{}");
  EXPECT_THAT(descriptor.urls, testing::ElementsAre("https://u"));
  EXPECT_EQ(descriptor.annotations.at("k"), "v");
  ASSERT_TRUE(descriptor.platform);
  EXPECT_EQ(descriptor.platform->str(), "linux/arm/v7:1");
  EXPECT_THAT(descriptor.platform->os_features, testing::ElementsAre("f"));
}

TEST(DescriptorJson, WritesWhatItReads) {
  const std::string text =
      R"({"mediaType":"m","artifactType":"a",)" + digest +
      R"(,"size":2,"urls":["https://u"],"annotations":{"k":"v"},"data":"e30=",)" +
      R"("platform":{"architecture":"arm","os":"linux","os.version":"1",)" +
      R"("os.features":["f"],"variant":"v7"}})";
  EXPECT_EQ(to_text(json_of(from(text))), text);
}

TEST(DescriptorJson, TakesNullAndEmptyPlatformsAsNone) {
  EXPECT_FALSE(from("{" + digest + R"(,"size":2,"platform":null})").platform);
  EXPECT_FALSE(from("{" + digest + R"(,"size":2,"platform":{}})").platform);
}

TEST(DescriptorJson, TakesTheGreatestSizeThatBelongsToAFile) {
  EXPECT_EQ(from("{" + digest + R"(,"size":4611686018427387904})").size, std::uint64_t{1} << 62);
  EXPECT_THROW(from("{" + digest + R"(,"size":4611686018427387905})"), Error);
}

TEST(DescriptorJson, RefusesEmbeddedDataThatLies) {
  EXPECT_THROW(from("{" + digest + R"(,"size":3,"data":"e30="})"), Error);
  EXPECT_THROW(from("{" + digest + R"(,"size":2,"data":"W10="})"), Error);
  EXPECT_STREQ(failure([] { from("{" + digest + R"(,"size":2,"data":"*"})"); }).what(),
               "it: not base64");
}

}  // namespace
}  // namespace davit::oci
