#include "transport/ecr/access.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "oci/base/bytes.hpp"
#include "tests/support/aws.hpp"
#include "tests/support/errors.hpp"
#include "tests/support/fake_ecr.hpp"
#include "transport/ecr/endpoint.hpp"

namespace davit::transport::ecr {
namespace {

using tests::AwsHome;
using tests::kind_of;
using tests::new_year;

std::string endpoint_of(const std::string& registry, const AwsHome& home) {
  return api_endpoint(*parse_host(registry), home.config()).url.str();
}

TEST(EcrEndpoint, IsOfTheRegistrysRegionAndFlavour) {
  const AwsHome home;
  const std::map<std::string, std::string> endpoints = {
      {"1.dkr.ecr.eu-west-1.amazonaws.com", "https://api.ecr.eu-west-1.amazonaws.com/"},
      {"1.dkr.ecr-fips.us-east-1.amazonaws.com", "https://api.ecr-fips.us-east-1.amazonaws.com/"},
      {"1.dkr-ecr.eu-west-1.on.aws", "https://ecr.eu-west-1.api.aws/"},
      {"1.dkr-ecr-fips.us-east-1.on.aws", "https://ecr-fips.us-east-1.api.aws/"},
      {"1.dkr.ecr.cn-north-1.amazonaws.com.cn", "https://api.ecr.cn-north-1.amazonaws.com.cn/"},
      {"1.dkr.ecr.eusc-de-east-1.amazonaws.eu", "https://api.ecr.eusc-de-east-1.amazonaws.eu/"},
      {"1.dkr.ecr.us-gov-west-1.amazonaws.com", "https://api.ecr.us-gov-west-1.amazonaws.com/"},
      {"1.dkr.ecr.us-isob-east-1.sc2s.sgov.gov", "https://api.ecr.us-isob-east-1.sc2s.sgov.gov/"},
  };
  for (const auto& [registry, endpoint] : endpoints) {
    EXPECT_EQ(endpoint_of("12345678901" + registry, home), endpoint);
  }
  EXPECT_EQ(endpoint_of("public.ecr.aws", home), "https://api.ecr-public.us-east-1.amazonaws.com/");
}

TEST(EcrEndpoint, FollowsTheConfiguration) {
  AwsHome home;
  const std::string registry = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
  home.set("AWS_USE_FIPS_ENDPOINT", "true");
  EXPECT_EQ(endpoint_of(registry, home), "https://api.ecr-fips.us-east-1.amazonaws.com/");
  home.set("AWS_ENDPOINT_URL_ECR", "http://localhost:4566");
  EXPECT_EQ(kind_of([&] { endpoint_of(registry, home); }), oci::ErrorKind::usage);
  home.set("AWS_USE_FIPS_ENDPOINT", "");
  EXPECT_EQ(endpoint_of(registry, home), "http://localhost:4566/");
}

std::string password_until(std::int64_t expiration) {
  return oci::to_base64(oci::bytes_of(
      R"({"payload":"x","datakey":"y","version":"2","type":"DATA_KEY","expiration":)" +
      std::to_string(expiration) + "}"));
}

TEST(EcrPassword, SaysWhenItExpires) {
  EXPECT_EQ(password_expires(password_until(1767225600)), new_year);
}

TEST(EcrPassword, IsNoOtherPassword) {
  for (const char* password : {"", "secret", "e30=", "bnVsbA==", "WzFd"}) {
    EXPECT_FALSE(password_expires(password)) << password;
  }
}

std::string token_answer(const std::string& password) {
  return fmt::format(
      R"({{"authorizationData":[{{"authorizationToken":"{}","expiresAt":1767268800}}]}})",
      oci::to_base64(oci::bytes_of("AWS:" + password)));
}

constexpr std::string_view registry = "123456789012.dkr.ecr.us-east-1.amazonaws.com";

class EcrCredentialsTest : public testing::Test {
 protected:
  EcrCredentialsTest() { home.set("AWS_EC2_METADATA_DISABLED", "true"); }

  std::optional<Credentials> find(const std::string& password, std::string_view from = registry) {
    FixedCredentials stored{std::string(from), {.username = "AWS", .password = password}};
    return find(stored, from);
  }

  std::optional<Credentials> find(CredentialSource& stored, std::string_view from) {
    AccessOptions options;
    options.environment = home.environment();
    Access access(std::move(options));
    return LoginSource(stored, access, [] { return new_year; }).find({}, from, "app");
  }

  AwsHome home;
};

TEST_F(EcrCredentialsTest, AreThoseThatAreKept) {
  EXPECT_EQ(find("secret")->password, "secret");
  EXPECT_EQ(find(password_until(1767225601))->username, "AWS");
}

TEST_F(EcrCredentialsTest, AreNotAPasswordThatHasExpired) {
  EXPECT_EQ(kind_of([&] { find(password_until(1767225600)); }), oci::ErrorKind::denied);
}

TEST_F(EcrCredentialsTest, OfAnotherRegistryAreLeftAlone) {
  EXPECT_TRUE(find(password_until(1), "registry.example"));
  FixedCredentials none("elsewhere.example", {});
  EXPECT_FALSE(find(none, "registry.example"));
}

TEST_F(EcrCredentialsTest, SayWhatWasLookedAtWhereThereAreNone) {
  FixedCredentials none("elsewhere.example", {});
  const auto error = tests::error_of([&] { find(none, registry); });
  EXPECT_EQ(error->kind(), oci::ErrorKind::denied);
  EXPECT_THAT(error->what(), testing::HasSubstr("AWS_ACCESS_KEY_ID"));
}

TEST_F(EcrCredentialsTest, OfAnInstanceAreNotWaitedForByThePublicRegistry) {
  home.set("AWS_EC2_METADATA_DISABLED", "");
  // Nothing listens there: asking it would be an error.
  home.set("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1");
  FixedCredentials none("elsewhere.example", {});
  EXPECT_FALSE(find(none, "public.ecr.aws"));
  EXPECT_EQ(kind_of([&] { find(none, registry); }), oci::ErrorKind::denied);
}

TEST_F(EcrCredentialsTest, AreNotNeededForThePublicRegistry) {
  FixedCredentials none("elsewhere.example", {});
  EXPECT_FALSE(find(none, "public.ecr.aws"));
}

TEST_F(EcrCredentialsTest, AreNotAPasswordThatWasRefused) {
  FixedCredentials stored{std::string(registry), {.username = "AWS", .password = "kept"}};
  tests::FakeEcr ecr;
  ecr.on("GetAuthorizationToken", token_answer("fresh"));
  LoginSource source(stored, ecr.access());
  EXPECT_EQ(source.find({}, registry, "app")->password, "kept");
  source.forget({}, registry, *source.find({}, registry, "app"));
  EXPECT_EQ(source.find({}, registry, "app")->password, "fresh");
}

TEST_F(EcrCredentialsTest, ThatWereRefusedStandWhereThereAreNoOthers) {
  FixedCredentials stored{std::string(registry), {.username = "AWS", .password = "kept"}};
  AccessOptions options;
  options.environment = home.environment();
  Access access(std::move(options));
  LoginSource source(stored, access);
  source.forget({}, registry, *source.find({}, registry, "app"));
  EXPECT_EQ(source.find({}, registry, "app")->password, "kept");
}

TEST_F(EcrCredentialsTest, AreAskedForWhereAHelperIsNotThere) {
  struct Broken final : CredentialSource {
    std::optional<Credentials> find(const oci::Call&, std::string_view, std::string_view) override {
      throw oci::Error(oci::ErrorKind::failed, "docker-credential-x: not installed");
    }
    void forget(const oci::Call&, std::string_view, const Credentials&) override {}
  } broken;
  tests::FakeEcr ecr;
  ecr.on("GetAuthorizationToken", token_answer("fresh"));
  LoginSource source(broken, ecr.access());
  EXPECT_EQ(source.find({}, registry, "app")->password, "fresh");
  EXPECT_EQ(kind_of([&] { source.find({}, "registry.example", "app"); }), oci::ErrorKind::failed);
}

class EcrLogin : public testing::Test {
 protected:
  EcrLogin() {
    // Each answer is another token.
    ecr.on("GetAuthorizationToken", [this](const std::string&) {
      return tests::aws_answer(200, token_answer("password" + std::to_string(++given)));
    });
  }

  std::string login() { return ecr.access().login({}, ecr.place.host).password; }

  tests::FakeEcr ecr;
  int given = 0;
};

TEST_F(EcrLogin, SharesATokenAmongProcesses) {
  EXPECT_EQ(login(), "password1");
  ecr.restart();
  EXPECT_EQ(login(), "password1");
}

TEST_F(EcrLogin, LetsGoOfATokenThatIsRefusedAtOnce) {
  login();
  ecr.restart();
  const Credentials refused = ecr.access().login({}, ecr.place.host);
  ecr.access().forget({}, ecr.place.host, refused);
  EXPECT_EQ(login(), "password2");
  ecr.restart();
  EXPECT_EQ(login(), "password2");
}

TEST_F(EcrLogin, TriesAgainAsOftenAsItIsTold) {
  ecr.on("GetAuthorizationToken", [](const std::string&) { return tests::aws_answer(503, "{}"); });
  for (const int retries : {0, 3}) {
    ecr.retries = retries;
    ecr.restart();
    const std::size_t before = ecr.calls().size();
    EXPECT_EQ(kind_of([&] { login(); }), oci::ErrorKind::unavailable);
    EXPECT_EQ(ecr.calls().size() - before, static_cast<std::size_t>(retries) + 1);
  }
  ecr.home.set("AWS_MAX_ATTEMPTS", "2");
  ecr.restart();
  const std::size_t before = ecr.calls().size();
  EXPECT_EQ(kind_of([&] { login(); }), oci::ErrorKind::unavailable);
  EXPECT_EQ(ecr.calls().size() - before, 2U);
}

TEST_F(EcrLogin, NeverUsesTheTokenOfAnother) {
  login();
  ecr.restart();
  ecr.home.set("AWS_ACCESS_KEY_ID", "AKIDOTHER");
  EXPECT_EQ(login(), "password2");
}

TEST_F(EcrLogin, NeverUsesTheTokenOfAnotherRoleThatTheSameProgramGivesKeysFor) {
  ecr.home.set("AWS_ACCESS_KEY_ID", "");
  ecr.home.write_config("[default]\ncredential_process=cat " + ecr.home.path("keys") + "\n");
  for (const char* id : {"ASIAONE", "ASIATWO", "ASIAONE"}) {
    ecr.home.write("keys", fmt::format(R"({{"AccessKeyId":"{}","SecretAccessKey":"s"}})", id));
    ecr.restart();
    EXPECT_EQ(login(), id == std::string("ASIATWO") ? "password2" : "password1");
  }
}

}  // namespace
}  // namespace davit::transport::ecr
