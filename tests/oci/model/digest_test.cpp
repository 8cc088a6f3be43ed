#include "oci/model/digest.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "oci/base/error.hpp"

namespace davit::oci {
namespace {

using namespace std::string_literals;

const std::string empty256 =
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const std::string empty512 =
    "sha512:cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
    "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e";

TEST(Digest, ReadsTheAlgorithmsItComputes) {
  const Digest digest = Digest::parse(empty256);
  EXPECT_EQ(digest.algorithm(), DigestAlgorithm::sha256);
  EXPECT_EQ(digest.algorithm_name(), "sha256");
  EXPECT_EQ(digest.hex(), empty256.substr(7));
  EXPECT_EQ(digest.brief(), "e3b0c44298fc");
  EXPECT_EQ(digest.str(), empty256);
  EXPECT_EQ(Digest::parse(empty512).algorithm(), DigestAlgorithm::sha512);
  EXPECT_EQ(Digest::parse(empty512).algorithm_name(), "sha512");
}

TEST(Digest, IsNoOtherText) {
  const std::string hex(64, 'a');
  for (const std::string& text :
       {""s,
        "sha256"s,
        "sha256:"s,
        ":"s,
        hex,
        ":" + hex,
        "sha256" + hex,
        "sha256::" + hex,
        "sha256:" + hex.substr(1),
        "sha256:a" + hex,
        "sha256:" + hex + "\n",
        "sha256:" + hex + " ",
        " sha256:" + hex,
        "sha256: " + hex.substr(1),
        "sha256:" + hex + '\0',
        "sha256:" + hex.substr(1) + '\0',
        "sha256:" + hex.substr(1) + "A",
        "sha256:" + hex.substr(1) + "g",
        "sha256:" + hex.substr(1) + "/",
        "sha256:" + hex.substr(2) + "..",
        "sha256:" + hex.substr(2) + "\xc3\xa9",
        "SHA256:" + hex,
        "Sha256:" + hex,
        "sha-256:" + hex,
        "sha256+b64:" + hex,
        "sha512:" + hex,
        "sha256:" + hex + hex,
        "sha384:" + hex + hex.substr(32),
        "md5:" + hex.substr(32),
        "blake3:" + hex,
        "sha256@" + hex,
        "sha256:../../../../../../../../../../../../../../../../../../../etc/passwd"s}) {
    EXPECT_FALSE(Digest::try_parse(text)) << text;
    EXPECT_THROW(Digest::parse(text), Error) << text;
  }
}

TEST(Digest, QuotesWhatIsNoneSafelyAndBriefly) {
  try {
    Digest::parse("\x1b" + std::string(1'000'000, 'a'));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::corrupt);
    EXPECT_THAT(error.what(), testing::StartsWith("'\\x1baaa"));
    EXPECT_LT(std::string(error.what()).size(), 300);
  }
}

TEST(Digest, OfNothingIsEmptyAndEqualToNoOther) {
  const Digest none;
  EXPECT_TRUE(none.empty());
  EXPECT_EQ(none.hex(), "");
  EXPECT_EQ(none.brief(), "");
  EXPECT_EQ(none.algorithm_name(), "");
  EXPECT_NE(none, digest_of({}));
  EXPECT_EQ(none, Digest());
}

TEST(Digest, IsOrderedByItsText) {
  EXPECT_LT(Digest::parse("sha256:" + std::string(64, 'a')),
            Digest::parse("sha256:" + std::string(64, 'b')));
  EXPECT_LT(Digest::parse(empty256), Digest::parse(empty512));
}

TEST(Digest, OfARawHashNeedsItsLength) {
  const std::string raw(32, '\xab');
  EXPECT_EQ(Digest::of_raw(DigestAlgorithm::sha256, bytes_of(raw)).hex().substr(0, 4), "abab");
  EXPECT_THROW(Digest::of_raw(DigestAlgorithm::sha512, bytes_of(raw)), Error);
  EXPECT_THROW(Digest::of_raw(DigestAlgorithm::sha256, {}), Error);
}

TEST(Hasher, GivesTheKnownDigests) {
  EXPECT_EQ(digest_of({}).str(), empty256);
  EXPECT_EQ(digest_of({}, DigestAlgorithm::sha512).str(), empty512);
  EXPECT_EQ(digest_of(bytes_of("abc")).hex(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Hasher, GivesTheSameDigestForAnyPieces) {
  const std::string text(10'000, 'x');
  for (const std::size_t piece : {1, 63, 64, 65, 4096, 10'000}) {
    Hasher hasher;
    for (std::size_t i = 0; i < text.size(); i += piece) {
      hasher.write(bytes_of(std::string_view(text).substr(i, piece)));
    }
    EXPECT_EQ(hasher.finish(), digest_of(bytes_of(text))) << piece;
  }
}

TEST(Hasher, GoesOnAfterAMove) {
  Hasher first;
  first.write(bytes_of("ab"));
  Hasher second = std::move(first);
  second.write(bytes_of("c"));
  EXPECT_EQ(second.finish(), digest_of(bytes_of("abc")));
}

}  // namespace
}  // namespace davit::oci
