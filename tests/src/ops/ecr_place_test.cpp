#include "src/ops/ecr_place.hpp"

#include <gtest/gtest.h>

#include "tests/support/aws.hpp"
#include "tests/support/errors.hpp"

namespace davit::app {
namespace {

using tests::AwsHome;
using tests::kind_of;

class EcrPlaces : public testing::Test {
 protected:
  ecr::Place parse(const std::string& text, const std::string& region = {}) {
    ecr::AccessOptions options;
    options.environment = home.environment();
    ecr::Access access(std::move(options));
    return parse_ecr_place(text, region, access);
  }

  AwsHome home;
};

TEST_F(EcrPlaces, NameTheirRegistry) {
  const ecr::Place place = parse("123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app:1");
  EXPECT_EQ(place.host.account, "123456789012");
  EXPECT_EQ(place.host.region, "eu-west-1");
  EXPECT_EQ(place.name, "team/app");
  EXPECT_EQ(place.tag, "1");
}

TEST_F(EcrPlaces, OrAreInTheConfiguredRegion) {
  EXPECT_EQ(parse("app", "eu-west-2").host.region, "eu-west-2");
  home.set("AWS_REGION", "eu-west-3");
  const ecr::Place place = parse("team/app:1");
  EXPECT_EQ(place.host.region, "eu-west-3");
  EXPECT_EQ(place.host.account, "");
  EXPECT_EQ(place.name, "team/app");
}

TEST_F(EcrPlaces, OfThePublicRegistryHaveAnAlias) {
  const ecr::Place place = parse("public.ecr.aws/team/tools/app:1");
  EXPECT_TRUE(place.host.is_public);
  EXPECT_EQ(place.host.account, "team");
  EXPECT_EQ(place.name, "tools/app");
  EXPECT_EQ(kind_of([&] { parse("public.ecr.aws/app"); }), oci::ErrorKind::usage);
}

TEST_F(EcrPlaces, NeedARegion) {
  EXPECT_EQ(kind_of([&] { parse("app"); }), oci::ErrorKind::usage);
}

TEST_F(EcrPlaces, AreInNoOtherRegistry) {
  EXPECT_EQ(kind_of([&] { parse("registry.example:5000/app", "eu-west-1"); }),
            oci::ErrorKind::usage);
  EXPECT_EQ(kind_of([&] { parse("localhost:5000/app", "eu-west-1"); }), oci::ErrorKind::usage);
}

TEST_F(EcrPlaces, HaveDotsInTheirNamesToo) {
  EXPECT_EQ(parse("team.a/app", "eu-west-1").name, "team.a/app");
}

}  // namespace
}  // namespace davit::app
