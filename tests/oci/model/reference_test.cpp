#include "oci/model/reference.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "oci/base/error.hpp"

namespace davit::oci {
namespace {

using namespace std::string_literals;

const std::string sha256 = "sha256:" + std::string(64, 'a');
const std::string sha512 = "sha512:" + std::string(128, 'b');

struct Good {
  std::string text;
  std::string registry;
  std::string repository;
  std::string tag = "";
  std::string digest = "";
};

TEST(Reference, ReadsWhatDockerReads) {
  const std::vector<Good> table = {
      // No host means docker.io, and one word library/ of it.
      {"debian", "docker.io", "library/debian"},
      {"debian:bookworm", "docker.io", "library/debian", "bookworm"},
      {"a", "docker.io", "library/a"},
      {"grafana/grafana", "docker.io", "grafana/grafana"},
      {"a/b/c:1", "docker.io", "a/b/c", "1"},
      {"docker.io/debian", "docker.io", "library/debian"},
      {"docker.io/library/debian", "docker.io", "library/debian"},
      {"docker.io/a/b", "docker.io", "a/b"},
      {"index.docker.io/debian:x", "docker.io", "library/debian", "x"},
      {"registry-1.docker.io/library/debian", "docker.io", "library/debian"},
      {"library/debian", "docker.io", "library/debian"},
      // A first part is a host if it has a dot or a port, is localhost or has upper case.
      {"quay.io/podman/stable:v4", "quay.io", "podman/stable", "v4"},
      {"quay.io/one", "quay.io", "one"},
      {"localhost/x", "localhost", "x"},
      {"localhost:5000/x:y", "localhost:5000", "x", "y"},
      {"host:5000/x", "host:5000", "x"},
      {"host/x", "docker.io", "host/x"},
      {"HOST/x", "HOST", "x"},
      {"LocalHost/x", "localhost", "x"},
      {"Docker.IO/x", "docker.io", "library/x"},
      {"Registry.Example.COM:443/team/app", "registry.example.com:443", "team/app"},
      {"127.0.0.1:5000/x", "127.0.0.1:5000", "x"},
      {"192.168.0.1/x", "192.168.0.1", "x"},
      {"[::1]/x", "[::1]", "x"},
      {"[::1]:5000/x:t", "[::1]:5000", "x", "t"},
      {"[FE80::1:2]:80/x", "[fe80::1:2]:80", "x"},
      {"[::ffff:127.0.0.1]:5000/x", "[::ffff:127.0.0.1]:5000", "x"},
      {"xn--7o8h.com/x", "xn--7o8h.com", "x"},
      {"a_b.example/x", "a_b.example", "x"},
      {"123456789012.dkr.ecr.eu-central-1.amazonaws.com/team/app:1",
       "123456789012.dkr.ecr.eu-central-1.amazonaws.com", "team/app", "1"},
      {"public.ecr.aws/docker/library/busybox", "public.ecr.aws", "docker/library/busybox"},
      // Without a slash, what looks like a host is a repository.
      {"localhost", "docker.io", "library/localhost"},
      {"localhost:5000", "docker.io", "library/localhost", "5000"},
      {"example.com", "docker.io", "library/example.com"},
      {"example.com:80", "docker.io", "library/example.com", "80"},
      // Tag and digest.
      {"a@" + sha256, "docker.io", "library/a", "", sha256},
      {"a:t@" + sha256, "docker.io", "library/a", "t", sha256},
      {"h:1/a/b:t@" + sha512, "h:1", "a/b", "t", sha512},
      {"a:" + std::string(128, 'T'), "docker.io", "library/a", std::string(128, 'T')},
      {"a:_", "docker.io", "library/a", "_"},
      {"a:V1.0-rc_1", "docker.io", "library/a", "V1.0-rc_1"},
      // Separators inside a component.
      {"h.io/a.b_c__d-e--f---g/h", "h.io", "a.b_c__d-e--f---g/h"},
      {"h.io/0/1", "h.io", "0/1"},
      {"h.io/" + std::string(255, 'a'), "h.io", std::string(255, 'a')},
      {std::string(247, 'a'), "docker.io", "library/" + std::string(247, 'a')},
      // Sixty-four hexadecimal digits after a host are a name like any other.
      {"h.io/" + std::string(64, 'a'), "h.io", std::string(64, 'a')},
  };
  for (const Good& good : table) {
    const Reference reference = Reference::parse(good.text);
    EXPECT_EQ(reference.registry, good.registry) << good.text;
    EXPECT_EQ(reference.repository, good.repository) << good.text;
    EXPECT_EQ(reference.tag.value_or(""), good.tag) << good.text;
    EXPECT_EQ(reference.digest ? reference.digest->str() : "", good.digest) << good.text;
  }
}

TEST(Reference, SaysWhatIsWrong) {
  const std::string registry = "the registry's name is malformed";
  const std::string repository = "the repository's name is malformed";
  const std::string tag = "the tag is malformed";
  const std::string digest = "what stands after @ is not a digest";
  const std::string none = "there is no repository";
  const std::string lower = "a repository's name is lower case";
  const std::vector<std::pair<std::string, std::string>> table = {
      {"", none},
      {":", tag},
      {":tag", none},
      {"@" + sha256, none},
      {"quay.io/", none},
      {"quay.io/:tag", none},
      {"/", repository},
      {"/a", repository},
      {"a/", repository},
      {"a//b", repository},
      {"quay.io//b", repository},
      {"quay.io/a/", repository},
      {" a", repository},
      {"a ", repository},
      {"a b", repository},
      {"a\n", repository},
      {"a\tb", repository},
      {"a\0b"s, repository},
      {"a\x7f", repository},
      {"\x1b[31ma", repository},
      {"-a", repository},
      {"a-", repository},
      {"_a", repository},
      {"a.", repository},
      {".a", repository},
      {"a..b", repository},
      {"a___b", repository},
      {"a._b", repository},
      {"a.-b", repository},
      {"a-.b", repository},
      {"h.io/../b", repository},
      {"h.io/a/..", repository},
      {"h.io/a/./b", repository},
      {"a%2fb", repository},
      {"a?b", repository},
      {"a#b", repository},
      {"a\\b", repository},
      {"a+b", repository},
      {"é", repository},
      {"а/b", repository},  // the Cyrillic letter
      {"\xff", repository},
      {"h.io/" + std::string(256, 'a'), repository},
      {std::string(248, 'a'), repository},  // with library/, too long
      {"Debian", lower},
      {"a/B", lower},
      {"h.io/A", lower},
      {"a:", tag},
      {"a:-", tag},
      {"a:.x", tag},
      {"a:b:c", repository},
      {"a:b/c:", registry},
      {"a: b", tag},
      {"a:é", tag},
      {"a:b\0"s, tag},
      {"a:" + std::string(129, 'T'), tag},
      {"a@", digest},
      {"a@b", digest},
      {"a@sha256:", digest},
      {"a@sha256:" + std::string(63, 'a'), digest},
      {"a@sha256:" + std::string(64, 'A'), digest},
      {"a@sha256:" + std::string(64, 'g'), digest},
      {"a@sha512:" + std::string(64, 'a'), digest},
      {"a@md5:" + std::string(32, 'a'), digest},
      {"a@" + sha256 + "@" + sha256, digest},
      {"a@" + sha256 + ":tag", digest},
      {"user@host/x", digest},
      {"https://quay.io/a", registry},
      {"quay.io:/a", registry},
      {"quay.io:x/a", registry},
      {"quay.io:65536/a", registry},
      {"quay.io:99999999999999999999/a", registry},
      {"quay.io:-1/a", registry},
      {"quay.io:+1/a", registry},
      {"quay.io:1:2/a", registry},
      {"quay..io/a", registry},
      {".io/a", registry},
      {"quay.io./a", registry},
      {"-quay.io/a", registry},
      {"quay-.io/a", registry},
      {"qu ay.io/a", registry},
      {"quay.io\n/a", registry},
      {"quay.io\0/a"s, registry},
      {"qüay.io/a", registry},
      {"quay.io%00/a", registry},
      {std::string(64, 'a') + ".io/x", registry},
      {"::1/a", registry},
      {"[::1/a", registry},
      {"[]/a", registry},
      {"[:]/a", registry},
      {"[::::]/a", registry},
      {"[::1]x/a", registry},
      {"[::1]:/a", registry},
      {"[::1]:x/a", registry},
      {"[::1]:65536/a", registry},
      {"[::1\0]/a"s, registry},
      {"[::g]/a", registry},
      {"[127.0.0.1]/a", registry},
      {"[fe80::1%25eth0]/a", registry},
      {"[1:2:3:4:5:6:7:8:9]/a", registry},
  };
  for (const auto& [text, why] : table) {
    try {
      Reference::parse(text);
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage) << text;
      EXPECT_THAT(error.what(), testing::EndsWith("' is not an image reference: " + why)) << text;
      EXPECT_EQ(error.hint(), "a reference is [HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST]");
    }
  }
}

TEST(Reference, QuotesTheTextSafelyAndBriefly) {
  const auto message = [](const std::string& text) {
    try {
      Reference::parse(text);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return "taken"s;
  };
  EXPECT_THAT(message("\x1b[2Jx"), testing::StartsWith("'\\x1b[2Jx' is not"));
  EXPECT_LT(message(std::string(1'000'000, 'A')).size(), 500);
}

TEST(Reference, WritesItselfInFull) {
  EXPECT_EQ(Reference::parse("debian").str(), "docker.io/library/debian");
  EXPECT_EQ(Reference::parse("h:1/a:t").str(), "h:1/a:t");
  EXPECT_EQ(Reference::parse("h:1/a:t@" + sha256).str(), "h:1/a:t@" + sha256);
  EXPECT_EQ(Reference::parse("h:1/a:t@" + sha256).name(), "h:1/a");
}

TEST(Reference, ReadsWhatItWrites) {
  for (const std::string& text : {"debian"s, "HOST/a"s, "[::1]:5000/a/b:t"s, "a/b@" + sha256}) {
    const std::string full = Reference::parse(text).str();
    EXPECT_EQ(Reference::parse(full).str(), full);
  }
}

TEST(Reference, IsWantedByDigestThenByTagThenByLatest) {
  EXPECT_EQ(Reference::parse("a:t@" + sha256).identifier(), sha256);
  EXPECT_EQ(Reference::parse("a:t").identifier(), "t");
  EXPECT_EQ(Reference::parse("a").identifier(), "latest");
}

TEST(Registry, MayStandAlone) {
  for (const char* good : {"docker.io", "localhost", "host", "host:0", "host:65535", "10.0.0.1:80",
                           "[::1]", "[::1]:443", "a-b.c", "A.B"}) {
    EXPECT_TRUE(is_registry(good)) << good;
  }
  for (const std::string& bad : {""s, ":"s, ":80"s, "host:"s, "host:65536"s, "a/b"s, "a b"s, "."s,
                                 "[::1"s, "]"s, "http://a"s, "a\0"s, std::string(254, 'a')}) {
    EXPECT_FALSE(is_registry(bad)) << bad;
  }
}

}  // namespace
}  // namespace davit::oci
