// Where keys come from: each source, and which goes before which.

#include "transport/aws/keys.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "oci/base/error.hpp"
#include "oci/base/file.hpp"
#include "tests/support/aws.hpp"
#include "tests/support/errors.hpp"
#include "transport/aws/key_documents.hpp"

namespace davit::transport::aws {
namespace {

using oci::ErrorKind;
using std::chrono::hours;
using std::chrono::minutes;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using tests::answer;
using tests::AwsHome;
using tests::error_of;
using tests::FakeTransport;
using tests::new_year;
using tests::SentRequest;

constexpr const char* sts_answer =
    "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIAROLE</AccessKeyId>"
    "<SecretAccessKey>role&amp;secret</SecretAccessKey><SessionToken>token</SessionToken>"
    "<Expiration>2026-01-01T01:00:00Z</Expiration></Credentials></AssumeRoleResult>"
    "</AssumeRoleResponse>";
constexpr const char* json_keys =
    R"({"Version":1,"AccessKeyId":"ASIAJSON","SecretAccessKey":"s","Token":"t",)"
    R"("Expiration":"2026-01-01T06:00:00Z"})";

class KeysTest : public testing::Test {
 protected:
  KeysTest()
      : aws([this](const SentRequest& request) { return serve_aws(request); }),
        metadata([this](const SentRequest& request) { return serve_metadata(request); }) {}

  TimedKeys fetch(const std::string& profile = {}) { return source(profile)->fetch({}); }
  std::string access_key(const std::string& profile = {}) {
    return fetch(profile).keys.access_key_id;
  }

  std::unique_ptr<KeySource> source(const std::string& profile = {}) {
    config.emplace(home.config(profile));
    world.emplace(World{*config, aws, metadata, [] { return new_year; }});
    return choose_keys(*world);
  }

  void set_environment_keys() {
    home.set("AWS_ACCESS_KEY_ID", "AKIAENV");
    home.set("AWS_SECRET_ACCESS_KEY", "secret");
  }

  virtual Response serve_aws(const SentRequest& request) {
    if (request.url.find("sts.") != std::string::npos) return answer(200, sts_answer);
    if (request.url.find("portal.sso") != std::string::npos) {
      return role_answer;
    }
    return answer(404);
  }

  virtual Response serve_metadata(const SentRequest& request) {
    if (request.url.find("169.254.169.254") == std::string::npos) return answer(200, json_keys);
    if (request.method == "PUT") return answer(200, "imds-token");
    if (request.headers.get("x-aws-ec2-metadata-token") != "imds-token") return answer(401);
    if (request.url.ends_with("security-credentials/")) return answer(200, "build-role\n");
    if (request.url.ends_with("security-credentials/build-role")) return answer(200, json_keys);
    return answer(404);
  }

  Response role_answer =
      answer(200, R"({"roleCredentials":{"accessKeyId":"ASIASSO","secretAccessKey":"s",)"
                  R"("sessionToken":"t","expiration":1767229200000}})");
  AwsHome home;
  FakeTransport aws;
  FakeTransport metadata;
  std::optional<Config> config;
  std::optional<World> world;
};

TEST_F(KeysTest, ComeFromTheEnvironment) {
  set_environment_keys();
  home.set("AWS_SESSION_TOKEN", "token");
  EXPECT_EQ(fetch().keys, (Keys{"AKIAENV", "secret", "token"}));
  EXPECT_EQ(source()->principal(), "key/AKIAENV");
}

TEST_F(KeysTest, OfTheEnvironmentNeedTheirSecret) {
  home.set("AWS_ACCESS_KEY_ID", "AKIAENV");
  const auto error = error_of([&] { source(); });
  EXPECT_EQ(error->kind(), ErrorKind::denied);
  EXPECT_THAT(error->what(), HasSubstr("AWS_SECRET_ACCESS_KEY"));
}

TEST_F(KeysTest, ComeFromTheCredentialsFile) {
  home.write_credentials("[default]\naws_access_key_id=AKIAFILE\naws_secret_access_key=s\n");
  EXPECT_EQ(access_key(), "AKIAFILE");
}

TEST_F(KeysTest, ComeFromTheConfigFile) {
  home.write_config("[default]\naws_access_key_id=AKIACONFIG\naws_secret_access_key=s\n");
  EXPECT_EQ(access_key(), "AKIACONFIG");
}

TEST_F(KeysTest, OfTheEnvironmentGoBeforeAProfileThatItNames) {
  home.write_credentials("[two]\naws_access_key_id=AKIATWO\naws_secret_access_key=s\n");
  home.set("AWS_PROFILE", "two");
  EXPECT_EQ(access_key(), "AKIATWO");
  set_environment_keys();
  EXPECT_EQ(access_key(), "AKIAENV");
}

TEST_F(KeysTest, OfAnExplicitProfileGoBeforeTheEnvironment) {
  home.write_credentials("[two]\naws_access_key_id=AKIATWO\naws_secret_access_key=s\n");
  set_environment_keys();
  EXPECT_EQ(access_key("two"), "AKIATWO");
}

TEST_F(KeysTest, AreARolesThatASourceProfileAssumes) {
  home.write_config(
      "[profile role]\nrole_arn=arn:aws:iam::1:role/ci\nsource_profile=base\nregion=eu-west-1\n"
      "external_id=a b\n[profile base]\naws_access_key_id=AKIABASE\naws_secret_access_key=s\n");
  const TimedKeys keys = fetch("role");
  EXPECT_EQ(keys.keys, (Keys{"ASIAROLE", "role&secret", "token"}));
  EXPECT_EQ(keys.expires, new_year + hours(1));
  const SentRequest sent = aws.sent().at(0);
  EXPECT_EQ(sent.url, "https://sts.eu-west-1.amazonaws.com/");
  EXPECT_THAT(sent.body, AllOf(StartsWith("Action=AssumeRole&Version=2011-06-15"),
                               HasSubstr("RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fci"),
                               HasSubstr("RoleSessionName=davit"), HasSubstr("ExternalId=a%20b")));
  EXPECT_THAT(sent.authorization(),
              StartsWith("AWS4-HMAC-SHA256 Credential=AKIABASE/20260101/eu-west-1/sts/"));
  EXPECT_EQ(source("role")->principal(), "role/arn:aws:iam::1:role/ci/ by key/AKIABASE");
}

TEST_F(KeysTest, AreARolesThatAnotherRoleAssumes) {
  home.write_config(
      "[profile outer]\nrole_arn=arn:outer\nsource_profile=inner\n"
      "[profile inner]\nrole_arn=arn:inner\nsource_profile=base\n"
      "[profile base]\naws_access_key_id=AKIABASE\naws_secret_access_key=s\n");
  EXPECT_EQ(access_key("outer"), "ASIAROLE");
  ASSERT_EQ(aws.sent().size(), 2u);
  EXPECT_THAT(aws.sent()[0].body, HasSubstr("arn%3Ainner"));
  EXPECT_THAT(aws.sent()[1].body, HasSubstr("arn%3Aouter"));
  EXPECT_THAT(aws.sent()[1].authorization(), HasSubstr("Credential=ASIAROLE/"));
}

TEST_F(KeysTest, AreARolesThatAProfileAssumesWithKeysOfItsOwn) {
  home.write_config(
      "[profile self]\nrole_arn=arn:self\nsource_profile=self\naws_access_key_id=AKIASELF\n"
      "aws_secret_access_key=s\n");
  EXPECT_EQ(access_key("self"), "ASIAROLE");
  EXPECT_THAT(aws.sent().at(0).authorization(), HasSubstr("Credential=AKIASELF/"));
}

TEST_F(KeysTest, AreARolesThatTheEnvironmentAssumes) {
  set_environment_keys();
  home.write_config("[profile role]\nrole_arn=arn:role\ncredential_source=Environment\n");
  EXPECT_EQ(access_key("role"), "ASIAROLE");
  EXPECT_THAT(aws.sent().at(0).authorization(), HasSubstr("Credential=AKIAENV/"));
}

TEST_F(KeysTest, OfARoleThatComesBackToItselfAreAnError) {
  home.write_config(
      "[profile a]\nrole_arn=arn:a\nsource_profile=b\n[profile b]\nrole_arn=arn:b\n"
      "source_profile=a\n");
  EXPECT_THAT(error_of([&] { source("a"); })->what(), HasSubstr("its own source_profile"));
}

TEST_F(KeysTest, OfARoleNeedOneSource) {
  home.write_config("[profile a]\nrole_arn=arn:a\n");
  EXPECT_THAT(error_of([&] { source("a"); })->what(), HasSubstr("credential_source"));
  home.write_config("[profile a]\nrole_arn=arn:a\nsource_profile=absent\n");
  EXPECT_THAT(error_of([&] { source("a"); })->what(), HasSubstr("'absent'"));
}

TEST_F(KeysTest, OfARoleThatWantsACodeFromADeviceAreAnError) {
  home.write_config("[profile a]\nrole_arn=arn:a\nsource_profile=a\nmfa_serial=arn:mfa\n");
  EXPECT_THAT(error_of([&] { source("a"); })->what(), HasSubstr("mfa_serial"));
}

TEST_F(KeysTest, AreAWebIdentitysOfTheEnvironment) {
  home.write("token", "web.identity.token\n");
  home.set("AWS_WEB_IDENTITY_TOKEN_FILE", home.path("token"));
  home.set("AWS_ROLE_ARN", "arn:web");
  home.set("AWS_ROLE_SESSION_NAME", "job-7");
  EXPECT_EQ(access_key(), "ASIAROLE");
  const SentRequest sent = aws.sent().at(0);
  EXPECT_THAT(sent.body, AllOf(HasSubstr("Action=AssumeRoleWithWebIdentity"),
                               HasSubstr("WebIdentityToken=web.identity.token"),
                               HasSubstr("RoleSessionName=job-7"), Not(HasSubstr("%0A"))));
  EXPECT_EQ(sent.authorization(), "");
}

TEST_F(KeysTest, AreAWebIdentitysOfTheProfile) {
  home.write("token", "t");
  home.write_config("[default]\nrole_arn=arn:web\nweb_identity_token_file=" + home.path("token"));
  EXPECT_EQ(access_key(), "ASIAROLE");
}

TEST_F(KeysTest, OfAWebIdentityWhoseTokenIsMissingAreAnError) {
  home.set("AWS_WEB_IDENTITY_TOKEN_FILE", home.path("absent"));
  home.set("AWS_ROLE_ARN", "arn:web");
  const auto error = error_of([&] { fetch(); });
  EXPECT_EQ(error->kind(), ErrorKind::denied);
  EXPECT_THAT(error->what(), HasSubstr("absent"));
}

class SsoKeys : public KeysTest {
 protected:
  SsoKeys() {
    home.write_config(
        "[default]\nsso_session=corp\nsso_account_id=123456789012\nsso_role_name=Dev\n"
        "[sso-session corp]\nsso_start_url=https://corp.awsapps.com/start\nsso_region=eu-west-1\n");
  }
  // sha1("corp")
  void write_token(const std::string& json) {
    home.write(".aws/sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json", json);
  }
  Response serve_aws(const SentRequest& request) override {
    if (request.url.find("oidc") != std::string::npos) return refresh_answer;
    return KeysTest::serve_aws(request);
  }
  Response refresh_answer = answer(400);
};

TEST_F(KeysTest, OfAnSsoSessionThatIsNotLoggedInNameTheCommand) {
  home.write_config(
      "[profile dev]\nsso_start_url=https://x\nsso_region=eu-west-1\nsso_account_id=1\n"
      "sso_role_name=R\n");
  const auto error = error_of([&] { fetch("dev"); });
  EXPECT_EQ(error->kind(), ErrorKind::denied);
  EXPECT_EQ(error->hint(), "aws sso login --profile dev");
}

TEST_F(KeysTest, ComeFromTheProgramThatTheProfileNames) {
  home.write("keys.json", json_keys);
  home.write_config("[default]\ncredential_process=cat \"" + home.path("keys.json") + "\"\n");
  EXPECT_EQ(access_key(), "ASIAJSON");
  EXPECT_EQ(fetch().expires, new_year + hours(6));
}

TEST_F(KeysTest, OfAProgramThatFailsAreAnErrorWithItsWords) {
  home.write_config("[default]\ncredential_process=ls " + home.path("absent") + "\n");
  const auto error = error_of([&] { fetch(); });
  EXPECT_EQ(error->kind(), ErrorKind::denied);
  EXPECT_THAT(error->what(), AllOf(HasSubstr("credential_process ls"), HasSubstr("absent")));
}

TEST_F(KeysTest, OfAProgramThatGivesNoneAreAnErrorThatHidesItsOutput) {
  home.write_config("[default]\ncredential_process=echo '{\"SecretAccessKey\":\"s3cr3t\"}'\n");
  EXPECT_THAT(error_of([&] { fetch(); })->what(),
              AllOf(HasSubstr("gave no keys"), Not(HasSubstr("s3cr3t"))));
  home.write_config("[default]\ncredential_process=echo s3cr3t\n");
  EXPECT_THAT(error_of([&] { fetch(); })->what(), Not(HasSubstr("s3cr3t")));
}

TEST_F(KeysTest, AreThoseOfALoginWhileItIsGood) {
  home.write_config("[default]\nlogin_session=arn:aws:iam::1:user/ann\n");
  const auto error = error_of([&] { fetch(); });
  EXPECT_EQ(error->hint(), "aws login --profile default");
  home.set("AWS_LOGIN_CACHE_DIRECTORY", home.path("logins"));
  // The SHA-256 of the session's name.
  home.write("logins/429756750eb589f374f4ec73f6d954aa2c9998b0cd0b45a3555e8fdc95322547.json",
             R"({"accessToken":{"accessKeyId":"ASIALOGIN","secretAccessKey":"s",)"
             R"("sessionToken":"t","expiresAt":"2026-01-01T00:30:00Z"}})");
  EXPECT_EQ(access_key(), "ASIALOGIN");
}

TEST_F(KeysTest, ComeFromTheContainersEndpoint) {
  home.set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/1");
  EXPECT_EQ(access_key(), "ASIAJSON");
  EXPECT_EQ(metadata.sent().at(0).url, "http://169.254.170.2/v2/credentials/1");
}

TEST_F(KeysTest, FromAContainerAreAskedForWithTheTokenOfTheMoment) {
  home.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials");
  home.set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "fixed");
  fetch();
  EXPECT_EQ(metadata.sent().at(0).authorization(), "fixed");
  home.set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", home.path("token"));
  home.write("token", "first");
  const auto keys = source();
  keys->fetch({});
  home.write("token", "second");
  keys->fetch({});
  EXPECT_EQ(metadata.sent().at(1).authorization(), "first");
  EXPECT_EQ(metadata.sent().at(2).authorization(), "second");
}

TEST_F(KeysTest, OfAContainerComeFromNoOtherHostInTheClear) {
  home.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://evil.example/");
  EXPECT_THAT(error_of([&] { source(); })->what(), HasSubstr("evil.example"));
  home.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/");
  EXPECT_EQ(access_key(), "ASIAJSON");
}

TEST_F(KeysTest, OfAContainerAreNotAskedForWithABrokenToken) {
  home.set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/x");
  home.set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "a\r\nX-Other: b");
  EXPECT_EQ(error_of([&] { fetch(); })->kind(), ErrorKind::denied);
  EXPECT_TRUE(metadata.sent().empty());
}

TEST_F(KeysTest, AreTheInstancesInTheEnd) {
  EXPECT_EQ(access_key(), "ASIAJSON");
  EXPECT_FALSE(source()->is_configured());
  EXPECT_EQ(metadata.sent().at(0).headers.get("x-aws-ec2-metadata-token-ttl-seconds"), "21600");
}

TEST_F(KeysTest, OfAContainerGoBeforeTheInstances) {
  home.set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/x");
  EXPECT_TRUE(source()->is_configured());
  EXPECT_EQ(access_key(), "ASIAJSON");
  EXPECT_THAT(metadata.sent().at(0).url, StartsWith("http://169.254.170.2/x"));
}

TEST_F(KeysTest, ThatNobodyHasAreAnErrorThatSaysWhatWasLookedAt) {
  home.set("AWS_EC2_METADATA_DISABLED", "true");
  const auto error = error_of([&] { fetch(); });
  EXPECT_EQ(error->kind(), ErrorKind::denied);
  EXPECT_THAT(
      error->what(),
      AllOf(HasSubstr("AWS_ACCESS_KEY_ID is not set"), HasSubstr(".aws/credentials"),
            HasSubstr("AWS_CONTAINER_CREDENTIALS"), HasSubstr("AWS_EC2_METADATA_DISABLED")));
  EXPECT_TRUE(metadata.sent().empty());
}

class OldInstance : public KeysTest {
 protected:
  Response serve_metadata(const SentRequest& request) override {
    if (request.method == "PUT") return answer(404);
    if (request.url.ends_with("security-credentials/")) return answer(200, "role");
    return answer(200, json_keys);
  }
};

TEST_F(OldInstance, IsAskedByTheFirstVersion) { EXPECT_EQ(access_key(), "ASIAJSON"); }

TEST_F(OldInstance, IsNotAskedSoWhereThatIsForbidden) {
  home.set("AWS_EC2_METADATA_V1_DISABLED", "true");
  EXPECT_EQ(error_of([&] { fetch(); })->kind(), ErrorKind::denied);
}

TEST_F(SsoKeys, ComeForATokenThatIsGood) {
  write_token(R"({"accessToken":"sso-token","expiresAt":"2026-01-01T08:00:00Z"})");
  const TimedKeys keys = fetch();
  EXPECT_EQ(keys.keys.access_key_id, "ASIASSO");
  EXPECT_EQ(keys.expires, new_year + hours(1));
  const SentRequest sent = aws.sent().at(0);
  EXPECT_EQ(sent.url,
            "https://portal.sso.eu-west-1.amazonaws.com/federation/credentials"
            "?role_name=Dev&account_id=123456789012");
  EXPECT_EQ(sent.headers.get("x-amz-sso_bearer_token"), "sso-token");
}

TEST_F(SsoKeys, ComeForATokenThatIsRefreshedAndKept) {
  write_token(R"({"accessToken":"old","expiresAt":"2026-01-01T00:05:00Z","clientId":"id",)"
              R"("clientSecret":"cs","refreshToken":"r1","other":1})");
  refresh_answer = answer(200, R"({"accessToken":"new","expiresIn":3600,"refreshToken":"r2"})");
  fetch();
  EXPECT_EQ(aws.sent().at(1).headers.get("x-amz-sso_bearer_token"), "new");
  const std::string kept = oci::read_file(
      home.path(".aws/sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json"), 9999);
  EXPECT_THAT(kept, AllOf(HasSubstr("\"new\""), HasSubstr("\"r2\""), HasSubstr("\"other\""),
                          HasSubstr("2026-01-01T01:00:00Z")));
}

TEST_F(SsoKeys, ComeForAnOldTokenWhereItIsNotRefreshedButGood) {
  write_token(R"({"accessToken":"old","expiresAt":"2026-01-01T00:05:00Z","clientId":"id",)"
              R"("clientSecret":"cs","refreshToken":"r1"})");
  EXPECT_EQ(access_key(), "ASIASSO");
  EXPECT_EQ(aws.sent().at(1).headers.get("x-amz-sso_bearer_token"), "old");
}

TEST_F(SsoKeys, OfAnExpiredTokenNameTheCommand) {
  write_token(R"({"accessToken":"old","expiresAt":"2025-12-31T23:59:59Z"})");
  const auto error = error_of([&] { fetch(); });
  EXPECT_EQ(error->kind(), ErrorKind::denied);
  EXPECT_EQ(error->hint(), "aws sso login --profile default");
  EXPECT_TRUE(aws.sent().empty());
}

TEST_F(KeysTest, OfAnInstanceAContainerOrAProgramTellByThemselvesWhoseTheyAre) {
  const auto identity = [&] { return KeyRing(source(), [] { return new_year; }).identity({}); };
  EXPECT_EQ(identity(), "key/ASIAJSON");
  home.set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/x");
  EXPECT_EQ(identity(), "key/ASIAJSON");
  home.write_config("[default]\ncredential_process=cat \"" + home.path("keys.json") + "\"\n");
  for (const char* id : {"ASIAONE", "ASIATWO"}) {
    home.write("keys.json", fmt::format(R"({{"AccessKeyId":"{}","SecretAccessKey":"s"}})", id));
    EXPECT_EQ(identity(), fmt::format("key/{}", id));
  }
}

TEST_F(KeysTest, OfARoleAreOneForEachThatAssumesIt) {
  home.set("AWS_WEB_IDENTITY_TOKEN_FILE", home.path("token"));
  home.set("AWS_ROLE_ARN", "arn:web");
  home.write("token", "one");
  const auto first = source()->principal();
  EXPECT_EQ(source()->principal(), first);
  home.write("token", "two");
  EXPECT_NE(source()->principal(), first);
  home.write("token", "one");
  home.set("AWS_ROLE_SESSION_NAME", "job-7");
  EXPECT_NE(source()->principal(), first);
  EXPECT_TRUE(aws.sent().empty());
}

TEST_F(SsoKeys, AreOneForEachLogin) {
  const auto nobody = source()->principal();
  write_token(R"({"accessToken":"one","expiresAt":"2026-01-01T08:00:00Z"})");
  const auto first = source()->principal();
  EXPECT_NE(first, nobody);
  EXPECT_EQ(source()->principal(), first);
  write_token(R"({"accessToken":"two","expiresAt":"2026-01-01T08:00:00Z"})");
  EXPECT_NE(source()->principal(), first);
  EXPECT_TRUE(aws.sent().empty());
}

TEST_F(SsoKeys, ThatAreGoodForLongerThanAnyClockAreGoodForVeryLong) {
  write_token(R"({"accessToken":"one","expiresAt":"9999-12-31T23:59:59Z"})");
  role_answer = answer(200, R"({"roleCredentials":{"accessKeyId":"ASIASSO","secretAccessKey":"s",)"
                            R"("sessionToken":"t","expiration":4611686018427387904}})");
  EXPECT_GT(*fetch().expires, new_year + hours(24 * 365 * 200));
}

TEST_F(SsoKeys, ThatAreRefreshedForLongerThanAnyClockAreKeptForAYear) {
  write_token(R"({"accessToken":"old","expiresAt":"2026-01-01T00:05:00Z","refreshToken":"r",)"
              R"("clientId":"c","clientSecret":"s"})");
  refresh_answer = answer(200, R"({"accessToken":"new","expiresIn":4611686018427387904})");
  EXPECT_EQ(access_key(), "ASIASSO");
  EXPECT_THAT(oci::read_file(home.path(".aws/sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f"
                                       ".json"),
                             4096),
              HasSubstr("2027-01-01T00:00:00Z"));
}

TEST(KeyTimes, AreReadInEveryForm) {
  EXPECT_EQ(parse_time("2026-01-01T00:00:00Z"), new_year);
  EXPECT_EQ(parse_time("2026-01-01T00:00:00.123456UTC"), new_year);
  EXPECT_EQ(parse_time("2026-01-01T02:30:00+02:30"), new_year);
  EXPECT_EQ(parse_time("2025-12-31T23:00:00-01:00"), new_year);
  // The year 2255 is as far as a clock goes.
  EXPECT_EQ(parse_time("9999-12-31T23:59:59Z"), parse_time("3000-01-01T00:00:00Z"));
  EXPECT_EQ(parse_time("0000-01-01T00:00:00Z"), parse_time("1970-01-01T00:00:00Z"));
  for (const char* text :
       {"", "2026-01-01", "2026-01-01T00:00:00", " 206-01-01T00:00:00Z", "-206-01-01T00:00:00Z",
        "2026-01-01T00:00:00+2:30", "2026-01-01T00:00:00Zulu", "2026-01-01T00:00:00+02:30x"}) {
    EXPECT_FALSE(parse_time(text)) << text;
  }
}

/// Counts how often it is asked.
struct Counted final : KeySource {
  explicit Counted(std::optional<std::chrono::system_clock::time_point> until) : expires(until) {}
  std::optional<std::string> principal() const override { return "counted"; }
  TimedKeys fetch(const oci::Call&) override {
    ++fetched;
    return {{"id", "secret", ""}, expires};
  }
  std::optional<std::chrono::system_clock::time_point> expires;
  int fetched = 0;
};

TEST(KeyRing, AsksOnceForKeysThatAreForGood) {
  auto source = std::make_unique<Counted>(std::nullopt);
  const Counted& counted = *source;
  KeyRing ring(std::move(source), [] { return new_year; });
  ring.get({});
  ring.get({});
  EXPECT_EQ(counted.fetched, 1);
  ring.drop();
  ring.get({});
  EXPECT_EQ(counted.fetched, 2);
}

TEST(KeyRing, RenewsKeysTenMinutesBeforeTheyExpire) {
  auto now = new_year;
  auto source = std::make_unique<Counted>(new_year + hours(1));
  const Counted& counted = *source;
  KeyRing ring(std::move(source), [&] { return now; });
  ring.get({});
  now += minutes(49);
  ring.get({});
  EXPECT_EQ(counted.fetched, 1);
  now += minutes(2);
  ring.get({});
  EXPECT_EQ(counted.fetched, 2);
}

}  // namespace
}  // namespace davit::transport::aws
