#include "transport/http/url.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "oci/base/error.hpp"
#include "tests/support/errors.hpp"

namespace davit::transport {
namespace {

using tests::error_of;

TEST(Url, FillsInTheSchemesPort) {
  EXPECT_EQ(Url::parse("https://registry.example/v2/").origin,
            (Origin{"https", "registry.example", 443}));
  EXPECT_EQ(Url::parse("http://registry.example").origin, (Origin{"http", "registry.example", 80}));
  EXPECT_EQ(Url::parse("http://registry.example:/").origin.port, 80);
  EXPECT_EQ(Url::parse("https://registry.example:5000").origin.port, 5000);
}

TEST(Url, LeavesTheSchemesPortOutOfItsText) {
  EXPECT_EQ(Url::parse("https://a.example:443/x").str(), "https://a.example/x");
  EXPECT_EQ(Url::parse("http://a.example:443/x").str(), "http://a.example:443/x");
}

TEST(Url, MakesSchemeAndHostLowerCaseAndLeavesThePath) {
  const Url url = Url::parse("HTTPS://Registry.Example/V2/A%2fB?Q=C");
  EXPECT_EQ(url.str(), "https://registry.example/V2/A%2fB?Q=C");
}

TEST(Url, HasOneTextForOneIpv6Address) {
  EXPECT_EQ(Url::parse("http://[0:0:0:0:0:0:0:1]:5000/").origin.host, "[::1]");
  EXPECT_EQ(Url::parse("http://[FD00::0A]/").origin.str(), "http://[fd00::a]");
}

TEST(Url, DropsTheFragment) {
  EXPECT_EQ(Url::parse("https://a.example/x?y=z#part").str(), "https://a.example/x?y=z");
}

TEST(Url, HasAPathEvenWhereOnlyAQueryIsGiven) {
  EXPECT_EQ(Url::parse("https://a.example?n=1").str(), "https://a.example/?n=1");
}

TEST(Url, RefusesWhatIsNoPlainHttpUrl) {
  const std::vector<std::string> bad = {
      "", "/v2/", "registry.example/v2/", "//registry.example/", "ftp://registry.example/",
      "file:///etc/passwd", "https:registry.example", "https://", "https:///path", "https://:80/",
      "https://user@registry.example/", "https://user:word@registry.example/",
      "https://a.example\\@b.example/", "https://a.example:b/", "https://a.example:0/",
      "https://a.example:65536/", "https://a.example:80:80/", "https://a..example/",
      "https://.example/", "https://a%2eexample/", "https://a,b/", "https://[::1/",
      "https://[::1]x/", "https://[fe80::1%25eth0]/", "https://[1.2.3.4]/", "https://a.example/a b",
      "https://a.example/a\r\nHost: b", std::string("https://a\0b/", 12), "https://a.example/\x7f",
      "https://a.example/\xc3\xbc",
      // Numbers that some resolvers take for 127.0.0.1.
      "http://127.1/", "http://2130706433/", "http://0x7f000001/", "http://127.0.0.0x1/",
      "http://0177.0.0.1/", "http://1.2.3.4.5/", "http://127.0.0.1./"};
  for (const std::string& text : bad) {
    const auto error = error_of([&] { Url::parse(text); });
    ASSERT_TRUE(error) << text;
    EXPECT_EQ(error->kind(), oci::ErrorKind::corrupt) << text;
  }
}

TEST(Url, ShowsNoSecretsWhenItRefuses) {
  const auto user = error_of([] { Url::parse("https://user:hunter2@a.example/"); });
  EXPECT_EQ(std::string(user->what()).find("hunter2"), std::string::npos);
  const auto query = error_of([] { Url::parse("ftp://a.example/?signature=hunter2"); });
  EXPECT_EQ(std::string(query->what()).find("hunter2"), std::string::npos);
}

TEST(Url, ResolvesReferencesAsTheRfcsExamplesDo) {
  const Url base = Url::parse("http://a/b/c/d;p?q");
  // RFC 3986, section 5.4, without those that need other schemes or fragments.
  const std::vector<std::pair<std::string, std::string>> examples = {
      {"g", "http://a/b/c/g"},
      {"./g", "http://a/b/c/g"},
      {"g/", "http://a/b/c/g/"},
      {"/g", "http://a/g"},
      {"//g", "http://g/"},
      {"?y", "http://a/b/c/d;p?y"},
      {"g?y", "http://a/b/c/g?y"},
      {"#s", "http://a/b/c/d;p?q"},
      {"g#s", "http://a/b/c/g"},
      {";x", "http://a/b/c/;x"},
      {"g;x?y#s", "http://a/b/c/g;x?y"},
      {"", "http://a/b/c/d;p?q"},
      {".", "http://a/b/c/"},
      {"./", "http://a/b/c/"},
      {"..", "http://a/b/"},
      {"../", "http://a/b/"},
      {"../g", "http://a/b/g"},
      {"../..", "http://a/"},
      {"../../g", "http://a/g"},
      {"../../../g", "http://a/g"},
      {"/./g", "http://a/g"},
      {"/../g", "http://a/g"},
      {"g.", "http://a/b/c/g."},
      {"..g", "http://a/b/c/..g"},
      {"./../g", "http://a/b/g"},
      {"./g/.", "http://a/b/c/g/"},
      {"g/./h", "http://a/b/c/g/h"},
      {"g/../h", "http://a/b/c/h"},
      {"g?y/../x", "http://a/b/c/g?y/../x"},
      {"https://h/x/../y", "https://h/y"},
      {"http://b:8080", "http://b:8080/"}};
  for (const auto& [reference, expected] : examples) {
    EXPECT_EQ(base.resolve(reference).str(), expected) << reference;
  }
}

TEST(Url, ResolvesNothingToAnotherScheme) {
  const Url base = Url::parse("https://a.example/");
  for (const std::string_view bad : {"ftp://a.example/", "javascript:alert(1)", "mailto:a@b.c",
                                     "http:g", "/a b", "//user@b.example/"}) {
    EXPECT_EQ(tests::kind_of([&] { base.resolve(bad); }), oci::ErrorKind::corrupt) << bad;
  }
}

TEST(Url, TakesAColonInAPathForNoScheme) {
  const Url base = Url::parse("https://a.example/v2/");
  EXPECT_EQ(base.resolve("./sha256:abc").str(), "https://a.example/v2/sha256:abc");
  EXPECT_EQ(base.resolve("?x=http://b").str(), "https://a.example/v2/?x=http://b");
}

TEST(Url, MasksAllParametersButTheRegistrysOwn) {
  EXPECT_EQ(
      Url::parse("https://s3.example/b?X-Amz-Signature=abc&X-Amz-Security-Token=def").masked(),
      "https://s3.example/b?X-Amz-Signature=***&X-Amz-Security-Token=***");
  EXPECT_EQ(Url::parse("https://a.example/u?_state=abc&digest=sha256:00").masked(),
            "https://a.example/u?_state=***&digest=sha256:00");
  EXPECT_EQ(Url::parse("https://a.example/u?bare").masked(), "https://a.example/u?***");
  EXPECT_EQ(Url::parse("https://a.example/u").masked(), "https://a.example/u");
}

TEST(Url, AddsParametersEncoded) {
  Url url = Url::parse("https://a.example/u?_state=x");
  url.add_query("digest", "sha256:00");
  url.add_query("a&b", "c d/ü");
  EXPECT_EQ(url.str(), "https://a.example/u?_state=x&digest=sha256%3A00&a%26b=c%20d%2F%C3%BC");
}

TEST(Url, KnowsLoopbackByItsLiteralNamesAlone) {
  for (const char* host : {"localhost", "LOCALHOST", "127.0.0.1", "127.255.0.3", "[::1]"}) {
    EXPECT_TRUE(is_loopback(host)) << host;
  }
  for (const char* host : {"localhost.example", "localhost.", "127.0.0.1.example", "128.0.0.1",
                           "127.1", "[::2]", "[::ffff:127.0.0.1]", "10.0.0.1", "0.0.0.0", ""}) {
    EXPECT_FALSE(is_loopback(host)) << host;
  }
}

}  // namespace
}  // namespace davit::transport
