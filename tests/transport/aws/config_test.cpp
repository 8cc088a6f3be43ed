#include "transport/aws/config.hpp"

#include <gtest/gtest.h>

#include "oci/base/error.hpp"
#include "tests/support/aws.hpp"

namespace davit::transport::aws {
namespace {

using tests::AwsHome;

TEST(Ini, HasSectionsWithSettings) {
  const auto sections = parse_ini("[default]\nregion = eu-west-1\n[profile  two]\nx=y\n");
  EXPECT_EQ(sections.at("default").at("region"), "eu-west-1");
  EXPECT_EQ(sections.at("profile two").at("x"), "y");
}

TEST(Ini, HasCommentsAndQuotedNames) {
  const auto sections =
      parse_ini("# one\n; two\n[profile \"a b\"]\nkey = value # three\nsecret = a#b;c\n\n");
  EXPECT_EQ(sections.at("profile a b").at("key"), "value");
  EXPECT_EQ(sections.at("profile a b").at("secret"), "a#b;c");
}

TEST(Ini, NestsWhatIsIndentedBelowAnEmptyValue) {
  const auto sections = parse_ini(
      "[services local]\necr =\n  endpoint_url = http://localhost:1\nsts = \n\tendpoint_url=x\n"
      "[default]\n  region = a\n");
  EXPECT_EQ(sections.at("services local").at("ecr.endpoint_url"), "http://localhost:1");
  EXPECT_EQ(sections.at("services local").at("sts.endpoint_url"), "x");
  EXPECT_EQ(sections.at("default").at("region"), "a");
}

TEST(Ini, LeavesOutWhatMakesNoSense) {
  const auto sections = parse_ini("a=b\n[open\nc=d\n[]\n=\nnonsense\n[x]\ne=f");
  EXPECT_EQ(sections.at("x").at("e"), "f");
}

TEST(AwsConfig, IsEmptyWithoutFiles) {
  const AwsHome home;
  const Config config = home.config();
  EXPECT_EQ(config.profile(), "default");
  EXPECT_EQ(config.region(), "");
  EXPECT_FALSE(config.get("aws_access_key_id"));
}

TEST(AwsConfig, TakesTheCredentialsFileBeforeTheConfigFile) {
  AwsHome home;
  home.write_config("[default]\naws_access_key_id = config\nregion = eu-west-1\n");
  home.write_credentials("[default]\naws_access_key_id = credentials\n");
  const Config config = home.config();
  EXPECT_EQ(config.get("aws_access_key_id"), "credentials");
  EXPECT_EQ(config.in_config("default", "aws_access_key_id"), "config");
  EXPECT_EQ(config.region(), "eu-west-1");
}

TEST(AwsConfig, ReadsTheFilesThatTheEnvironmentNames) {
  AwsHome home;
  home.write("elsewhere", "[default]\nregion = eu-west-1\n");
  home.set("AWS_CONFIG_FILE", home.path("elsewhere"));
  EXPECT_EQ(home.config().region(), "eu-west-1");
}

TEST(AwsConfig, IsOfTheProfileThatIsChosen) {
  AwsHome home;
  home.write_config("[default]\nregion=a\n[profile one]\nregion=b\n[profile two]\nregion=c\n");
  home.set("AWS_DEFAULT_PROFILE", "one");
  EXPECT_EQ(home.config().region(), "b");
  home.set("AWS_PROFILE", "two");
  EXPECT_EQ(home.config().region(), "c");
  EXPECT_FALSE(home.config().profile_is_explicit());
  EXPECT_EQ(home.config("one").region(), "b");
  EXPECT_TRUE(home.config("one").profile_is_explicit());
}

TEST(AwsConfig, OfAProfileThatIsNotThereIsAnError) {
  const AwsHome home;
  try {
    home.config("absent");
    FAIL();
  } catch (const oci::Error& error) {
    EXPECT_EQ(error.kind(), oci::ErrorKind::denied);
    EXPECT_NE(std::string(error.what()).find("'absent'"), std::string::npos);
  }
}

TEST(AwsConfig, TakesTheRegionFromTheEnvironmentFirst) {
  AwsHome home;
  home.write_config("[default]\nregion=a\n");
  home.set("AWS_DEFAULT_REGION", "b");
  EXPECT_EQ(home.config().region(), "b");
  home.set("AWS_REGION", "c");
  EXPECT_EQ(home.config().region(), "c");
}

TEST(AwsConfig, FindsEndpointsFromTheMostSpecificOn) {
  AwsHome home;
  home.write_config(
      "[default]\nservices=local\nendpoint_url=http://profile\n"
      "[services local]\necr_public =\n  endpoint_url=http://section\n");
  EXPECT_EQ(home.config().endpoint("ecr"), "http://profile");
  EXPECT_EQ(home.config().endpoint("ecr-public"), "http://section");
  home.set("AWS_ENDPOINT_URL", "http://all");
  EXPECT_EQ(home.config().endpoint("ecr-public"), "http://all");
  home.set("AWS_ENDPOINT_URL_ECR_PUBLIC", "http://one");
  EXPECT_EQ(home.config().endpoint("ecr-public"), "http://one");
  EXPECT_EQ(home.config().endpoint("sts"), "http://all");
  home.set("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true");
  EXPECT_FALSE(home.config().endpoint("ecr-public"));
}

}  // namespace
}  // namespace davit::transport::aws
