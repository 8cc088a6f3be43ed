#include "transport/http/policy.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "oci/base/error.hpp"
#include "tests/support/errors.hpp"

namespace davit::transport {
namespace {

using oci::ErrorKind;
using tests::kind_of;

Response from(std::string_view url, bool private_address = false) {
  Response response;
  response.url = Url::parse(url);
  response.private_address = private_address;
  return response;
}

TEST(AddressScope, IsKnownForEveryKindOfAddress) {
  struct Row {
    const char* address;
    std::optional<AddressScope> scope;
  };
  const std::vector<Row> rows = {
      {"8.8.8.8", AddressScope::internet},
      {"172.15.255.255", AddressScope::internet},
      {"172.32.0.0", AddressScope::internet},
      {"100.63.255.255", AddressScope::internet},
      {"100.128.0.0", AddressScope::internet},
      {"192.167.255.255", AddressScope::internet},
      {"126.255.255.255", AddressScope::internet},
      {"223.255.255.255", AddressScope::internet},
      {"2606:4700::1111", AddressScope::internet},
      {"[2606:4700::1111]", AddressScope::internet},
      {"127.0.0.1", AddressScope::site},
      {"127.255.255.255", AddressScope::site},
      {"10.0.0.1", AddressScope::site},
      {"172.16.0.0", AddressScope::site},
      {"172.31.255.255", AddressScope::site},
      {"192.168.1.1", AddressScope::site},
      {"100.64.0.1", AddressScope::site},
      {"100.127.255.255", AddressScope::site},
      {"::1", AddressScope::site},
      {"[::1]", AddressScope::site},
      {"fc00::1", AddressScope::site},
      {"fdff::1", AddressScope::site},
      {"fec0::1", AddressScope::site},
      {"0.0.0.0", AddressScope::never},
      {"0.1.2.3", AddressScope::never},
      {"169.254.169.254", AddressScope::never},
      {"169.254.170.2", AddressScope::never},
      {"100.100.100.200", AddressScope::never},
      {"224.0.0.1", AddressScope::never},
      {"255.255.255.255", AddressScope::never},
      {"::", AddressScope::never},
      {"fe80::1", AddressScope::never},
      {"febf::1", AddressScope::never},
      {"fd00:ec2::254", AddressScope::never},
      {"ff02::1", AddressScope::never},
      // IPv4 inside IPv6.
      {"::ffff:127.0.0.1", AddressScope::site},
      {"::ffff:169.254.169.254", AddressScope::never},
      {"::ffff:8.8.8.8", AddressScope::internet},
      {"64:ff9b::10.0.0.1", AddressScope::site},
      {"registry.example", std::nullopt},
      {"", std::nullopt},
      {"[]", std::nullopt},
      {"127.1", std::nullopt},
  };
  for (const Row& row : rows) EXPECT_EQ(address_scope(row.address), row.scope) << row.address;
}

TEST(Addresses, PermitLessTheStricterTheyAre) {
  EXPECT_TRUE(permits(Addresses::any, AddressScope::never));
  EXPECT_TRUE(permits(Addresses::not_link_local, AddressScope::site));
  EXPECT_FALSE(permits(Addresses::not_link_local, AddressScope::never));
  EXPECT_TRUE(permits(Addresses::only_public, AddressScope::internet));
  EXPECT_FALSE(permits(Addresses::only_public, AddressScope::site));
  EXPECT_FALSE(permits(Addresses::only_public, AddressScope::never));
}

TEST(Origins, AreEqualInSchemeHostAndPort) {
  const Url a = Url::parse("https://a.example/x");
  EXPECT_TRUE(same_origin(a, Url::parse("https://A.example:443/y?z")));
  EXPECT_FALSE(same_origin(a, Url::parse("http://a.example/x")));
  EXPECT_FALSE(same_origin(a, Url::parse("https://a.example:8443/x")));
  EXPECT_FALSE(same_origin(a, Url::parse("https://b.a.example/x")));
}

TEST(Hops, AreResolvedAgainstWhereTheAnswerCameFrom) {
  const Hop hop =
      check_hop(from("https://a.example/v2/x/blobs/uploads/"), "../../y?z=1", HopPurpose::upload);
  EXPECT_EQ(hop.url.str(), "https://a.example/v2/x/y?z=1");
  EXPECT_EQ(hop.addresses, Addresses::any);
}

TEST(Hops, LeadFromAPublicServerToPublicAddressesAlone) {
  const Response registry = from("https://registry.example/");
  EXPECT_EQ(check_hop(registry, "https://bucket.s3.example/x", HopPurpose::redirect).addresses,
            Addresses::only_public);
  for (const char* target :
       {"https://127.0.0.1/", "https://localhost/", "https://10.0.0.5/",
        "https://192.168.0.1:8443/", "https://169.254.169.254/latest/meta-data/", "https://[::1]/",
        "https://[fd00:ec2::254]/", "https://0.0.0.0/", "https://[::]/",
        "https://[::ffff:10.0.0.1]/", "https://100.64.0.1/"}) {
    for (const auto purpose :
         {HopPurpose::redirect, HopPurpose::upload, HopPurpose::token, HopPurpose::foreign}) {
      EXPECT_EQ(kind_of([&] { check_hop(registry, target, purpose); }), ErrorKind::refused)
          << target;
    }
  }
}

TEST(Hops, LeadFromAPrivateServerToPrivateAddressesButNeverToMetadata) {
  const Response registry = from("https://registry.corp/", true);
  EXPECT_EQ(check_hop(registry, "https://10.0.0.5/x", HopPurpose::redirect).addresses,
            Addresses::not_link_local);
  EXPECT_EQ(check_hop(registry, "https://storage.corp/x", HopPurpose::token).addresses,
            Addresses::not_link_local);
  for (const char* target : {"https://169.254.169.254/", "https://[fe80::1]/",
                             "https://[fd00:ec2::254]/", "https://0.0.0.0/"}) {
    EXPECT_EQ(kind_of([&] { check_hop(registry, target, HopPurpose::redirect); }),
              ErrorKind::refused)
        << target;
  }
}

TEST(Hops, StayAtAnOriginWhateverItsAddress) {
  const Response registry = from("http://127.0.0.1:5000/v2/");
  EXPECT_EQ(check_hop(registry, "http://127.0.0.1:5000/x", HopPurpose::redirect).addresses,
            Addresses::any);
}

TEST(Hops, NeverLeadFromHttpsToHttp) {
  for (const auto purpose : {HopPurpose::redirect, HopPurpose::upload, HopPurpose::token}) {
    EXPECT_EQ(kind_of([&] { check_hop(from("https://a.example/"), "http://b.example/", purpose); }),
              ErrorKind::refused);
  }
}

TEST(Hops, LeadFromHttpToEither) {
  const Response plain = from("http://a.example/");
  EXPECT_NO_THROW(check_hop(plain, "http://b.example/", HopPurpose::redirect));
  EXPECT_NO_THROW(check_hop(plain, "https://b.example/", HopPurpose::token));
}

TEST(Hops, ExplainARegistryThatDoesNotKnowItsScheme) {
  const auto error = tests::error_of([] {
    check_hop(from("https://a.example/v2/"), "http://a.example/v2/upload", HopPurpose::upload);
  });
  ASSERT_TRUE(error);
  EXPECT_NE(error->hint().find("X-Forwarded-Proto"), std::string::npos);
}

TEST(Hops, KeepPagesAtTheirOrigin) {
  const Response list = from("https://a.example/v2/x/tags/list?n=2");
  EXPECT_EQ(check_hop(list, "/v2/x/tags/list?last=b", HopPurpose::page).url.query, "last=b");
  EXPECT_EQ(kind_of([&] { check_hop(list, "https://b.example/", HopPurpose::page); }),
            ErrorKind::refused);
  EXPECT_EQ(kind_of([&] { check_hop(list, "https://a.example:444/", HopPurpose::page); }),
            ErrorKind::refused);
}

TEST(Hops, FetchForeignLayersOverHttpsAlone) {
  EXPECT_EQ(kind_of([] {
              check_hop(from("http://a.example/"), "http://a.example/x", HopPurpose::foreign);
            }),
            ErrorKind::refused);
  EXPECT_NO_THROW(check_hop(from("http://a.example/"), "https://b.example/x", HopPurpose::foreign));
}

TEST(Hops, RefuseWhatIsNoUrl) {
  for (const char* target :
       {"https://user:word@b.example/", "ftp://b.example/", "https://", "a b", "https://127.1/"}) {
    EXPECT_EQ(kind_of([&] { check_hop(from("https://a.example/"), target, HopPurpose::redirect); }),
              ErrorKind::corrupt)
        << target;
  }
}

TEST(Hops, ShowNoSignatureInTheirErrors) {
  const auto error = tests::error_of([] {
    check_hop(from("https://a.example/"), "http://b.example/x?Signature=hunter2",
              HopPurpose::redirect);
  });
  ASSERT_TRUE(error);
  EXPECT_EQ(std::string(error->what()).find("hunter2"), std::string::npos);
  EXPECT_NE(std::string(error->what()).find("b.example"), std::string::npos);
}

}  // namespace
}  // namespace davit::transport
