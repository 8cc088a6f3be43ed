#include "transport/ecr/host.hpp"

#include <gtest/gtest.h>

namespace davit::transport::ecr {
namespace {

TEST(EcrHostName, SaysAccountAndRegion) {
  const auto host = parse_host("123456789012.dkr.ecr.eu-central-1.amazonaws.com");
  ASSERT_TRUE(host);
  EXPECT_EQ(*host, (Host{.account = "123456789012", .region = "eu-central-1"}));
}

TEST(EcrHostName, IsKnownInEveryPartition) {
  for (const char* end :
       {"us-gov-west-1.amazonaws.com", "cn-north-1.amazonaws.com.cn", "eusc-de-east-1.amazonaws.eu",
        "us-iso-east-1.c2s.ic.gov", "us-isob-east-1.sc2s.sgov.gov", "eu-isoe-west-1.cloud.adc-e.uk",
        "us-isof-south-1.csp.hci.ic.gov"}) {
    EXPECT_TRUE(parse_host(std::string("123456789012.dkr.ecr.") + end)) << end;
  }
}

TEST(EcrHostName, IsKnownWithFipsAndDualStack) {
  const auto fips = parse_host("123456789012.dkr.ecr-fips.us-east-1.amazonaws.com");
  ASSERT_TRUE(fips);
  EXPECT_TRUE(fips->fips);
  EXPECT_FALSE(fips->dual_stack);
  const auto both = parse_host("123456789012.dkr-ecr-fips.us-east-1.on.aws");
  ASSERT_TRUE(both);
  EXPECT_TRUE(both->fips);
  EXPECT_TRUE(both->dual_stack);
  EXPECT_EQ(both->region, "us-east-1");
  EXPECT_TRUE(parse_host("123456789012.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn"));
}

TEST(EcrHostName, OfThePublicRegistryIsKnown) {
  for (const char* name : {"public.ecr.aws", "ecr-public.aws.com"}) {
    const auto host = parse_host(name);
    ASSERT_TRUE(host) << name;
    EXPECT_TRUE(host->is_public);
    EXPECT_EQ(host->region, "us-east-1");
  }
}

TEST(EcrHostName, MayBeInCapitalsAndHaveAPort) {
  const auto host = parse_host("123456789012.DKR.ECR.US-EAST-1.amazonaws.com:443");
  ASSERT_TRUE(host);
  EXPECT_EQ(host->region, "us-east-1");
}

TEST(EcrHostName, IsNotWhatMerelyLooksLikeOne) {
  for (const char* name :
       {"", "docker.io", "123456789012.dkr.ecr.us-east-1.amazonaws.com.evil.example",
        "evil.example/123456789012.dkr.ecr.us-east-1.amazonaws.com",
        "12345678901.dkr.ecr.us-east-1.amazonaws.com",
        "12345678901x.dkr.ecr.us-east-1.amazonaws.com",
        "123456789012.dkr.ecr-x.us-east-1.amazonaws.com", "123456789012.dkr.ecr.amazonaws.com",
        "123456789012.dkrxecr.us-east-1.amazonaws.com", "123456789012.dkr.ecr..amazonaws.com",
        "x.123456789012.dkr.ecr.us-east-1.amazonaws.com", "notpublic.ecr.aws"}) {
    EXPECT_FALSE(parse_host(name)) << name;
  }
}

}  // namespace
}  // namespace davit::transport::ecr
