#include "src/ops/place.hpp"

#include <gtest/gtest.h>

#include "oci/base/error.hpp"
#include "tests/support/temp_dir.hpp"

namespace davit::app {
namespace {

const std::string digest = "sha256:" + std::string(64, 'a');

TEST(Place, IsARegistryWithoutAPrefix) {
  const Place place = Place::parse("registry.example/team/app:1.0");
  EXPECT_EQ(place.kind, Place::Kind::registry);
  EXPECT_EQ(place.store_name(), "registry.example/team/app");
  EXPECT_EQ(place.identifier(), "1.0");
  EXPECT_EQ(place.tag(), "1.0");
  EXPECT_FALSE(place.local());
}

TEST(Place, TakesSkopeosPrefixForRegistries) {
  EXPECT_EQ(Place::parse("docker://alpine").store_name(), "docker.io/library/alpine");
}

TEST(Place, DefaultsToLatestInARegistry) {
  EXPECT_EQ(Place::parse("localhost:5000/app").identifier(), "latest");
  EXPECT_EQ(Place::parse("localhost:5000/app").tag(), "latest");
}

TEST(Place, LetsTheDigestDecideWhenATagStandsBesideIt) {
  const Place place = Place::parse("localhost:5000/app:1.0@" + digest);
  EXPECT_EQ(place.identifier(), digest);
  EXPECT_EQ(place.tag(), "1.0");
}

TEST(Place, GetsNoTagWhenNamedByDigestAlone) {
  EXPECT_EQ(Place::parse("localhost:5000/app@" + digest).tag(), "");
}

TEST(Place, IsALayoutWithAndWithoutATag) {
  EXPECT_EQ(Place::parse("oci:out/dir").path, "out/dir");
  EXPECT_EQ(Place::parse("oci:out/dir").identifier(), "");
  EXPECT_EQ(Place::parse("oci:out/dir:1.0").path, "out/dir");
  EXPECT_EQ(Place::parse("oci:out/dir:1.0").tag(), "1.0");
  EXPECT_TRUE(Place::parse("oci:out/dir:1.0").local());
}

TEST(Place, KeepsColonsInAPathThatGoesOn) {
  const Place place = Place::parse("oci:/a:b/c");
  EXPECT_EQ(place.path, "/a:b/c");
  EXPECT_EQ(place.local_name, "");
}

TEST(Place, NamesAnImageInALayoutByDigest) {
  const Place place = Place::parse("oci:dir@" + digest);
  EXPECT_EQ(place.path, "dir");
  EXPECT_EQ(place.identifier(), digest);
  EXPECT_EQ(place.tag(), "");
}

TEST(Place, IsAnArchive) {
  const Place place = Place::parse("oci-archive:app.tar:2");
  EXPECT_EQ(place.kind, Place::Kind::archive);
  EXPECT_EQ(place.store_name(), "oci-archive:app.tar");
  EXPECT_EQ(place.tag(), "2");
}

class MalformedPlace : public testing::TestWithParam<const char*> {};

TEST_P(MalformedPlace, IsAWrongUsage) {
  try {
    Place::parse(GetParam());
    FAIL() << GetParam() << " was taken";
  } catch (const oci::Error& error) {
    EXPECT_EQ(error.kind(), oci::ErrorKind::usage) << error.what();
  }
}

INSTANTIATE_TEST_SUITE_P(Table, MalformedPlace,
                         testing::Values("", "oci:", "oci::1.0", "oci:dir:not a tag",
                                         "localhost/UPPER", "localhost:5000/",
                                         "registry.example/app:", "app@sha256:12", "oci-archive:",
                                         "docker-archive:", "docker-archive:x.tar:BAD",
                                         "http://x/y", "-leading", "a//b"));

TEST(Place, OfADockerArchiveHasTheImagesNameInFull) {
  const Place place = Place::parse("docker-archive:app.tar:alpine:3");
  EXPECT_EQ(place.kind, Place::Kind::docker_archive);
  EXPECT_EQ(place.path, "app.tar");
  EXPECT_EQ(place.local_name, "docker.io/library/alpine:3");
  EXPECT_EQ(place.store_name(), "docker-archive:app.tar");
  EXPECT_EQ(Place::parse("docker-archive:app.tar").identifier(), "");
}

TEST(Place, OfABundleMayBeNamedInFull) {
  for (const std::string name :
       {"registry.example:5000/team/app:1", "docker.io/library/alpine:3", "localhost/app:1",
        "localhost:5000/app:1", "registry.example/app@sha256:"}) {
    const std::string full = name.ends_with(':') ? name + std::string(64, 'a') : name;
    const Place place = Place::parse("oci-archive:apps.bundle:" + full);
    EXPECT_EQ(place.path, "apps.bundle");
    EXPECT_EQ(place.local_name, full);
  }
}

TEST(Place, IsWhatWasWrittenWhateverFilesThereAre) {
  const tests::TempDir dir;
  const std::string file = dir / "apps.bundle";
  // Without a host's name it is a path that goes on, also where there is a file called so.
  const auto path_of = [&] { return Place::parse("oci-archive:" + file + ":a/b:1").path; };
  EXPECT_EQ(path_of(), file + ":a/b");
  tests::write_file(file, "");
  EXPECT_EQ(path_of(), file + ":a/b");
  const auto named = [&] { return Place::parse("oci:" + file + ":r.example/a:1").local_name; };
  EXPECT_EQ(named(), "r.example/a:1");
  std::filesystem::remove(file);
  EXPECT_EQ(named(), "r.example/a:1");
}

}  // namespace
}  // namespace davit::app
