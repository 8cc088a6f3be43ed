#include "transport/auth/helper.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "oci/base/error.hpp"
#include "oci/base/file.hpp"
#include "tests/transport/auth/helper_scripts.hpp"

namespace davit::transport {
namespace {

using oci::Error;
using oci::ErrorKind;
using testing::HasSubstr;
using testing::Not;

struct HelperTest : testing::Test {
  std::string log() const { return oci::read_file(scripts.log(), oci::MiB); }

  /// The error that asking for credentials ends in.
  static Error failure_of(std::string_view name, std::string_view server = "registry.example") {
    try {
      CredentialHelper(name).get({}, server);
    } catch (const Error& error) {
      return error;
    }
    ADD_FAILURE() << "nothing was thrown";
    return Error(ErrorKind::failed, "");
  }

  tests::HelperScripts scripts;
};

TEST_F(HelperTest, GivesUserNameAndPassword) {
  scripts.install("test",
                  R"(echo '{"ServerURL":"registry.example","Username":"ann","Secret":"pw"}')");
  const auto found = CredentialHelper("test").get({}, "registry.example");
  EXPECT_EQ(found, (Credentials{.username = "ann", .password = "pw"}));
  EXPECT_EQ(log(), "get registry.example\n");
}

TEST_F(HelperTest, GivesAnIdentityTokenUnderItsOwnUserName) {
  scripts.install("test", R"(echo '{"Username":"<token>","Secret":"t"}')");
  EXPECT_EQ(CredentialHelper("test").get({}, "r"), (Credentials{.identity_token = "t"}));
}

TEST_F(HelperTest, SaysThatThereIsNothing) {
  scripts.install("test", "echo 'credentials not found in native keychain'; exit 1");
  EXPECT_FALSE(CredentialHelper("test").get({}, "registry.example"));
  scripts.install("empty", R"(echo '{"ServerURL":"r","Username":"","Secret":""}')");
  EXPECT_FALSE(CredentialHelper("empty").get({}, "registry.example"));
}

TEST_F(HelperTest, AFailureIsAnErrorWithItsFirstLine) {
  scripts.install("test", "echo 'the store is locked'; echo more; exit 1");
  const Error error = failure_of("test");
  EXPECT_EQ(error.kind(), ErrorKind::failed);
  EXPECT_STREQ(error.what(), "docker-credential-test get: the store is locked");
  scripts.install("quiet", "exit 3");
  EXPECT_STREQ(failure_of("quiet").what(), "docker-credential-quiet get: exit status 3");
  scripts.install("loud", "echo 'to stderr' >&2; exit 1");
  EXPECT_STREQ(failure_of("loud").what(), "docker-credential-loud get: to stderr");
}

TEST_F(HelperTest, AFailureWithTerminalEscapesIsMadeSafe) {
  scripts.install("test", R"(printf '\033[31mred'; exit 1)");
  EXPECT_THAT(failure_of("test").what(), Not(HasSubstr("\033")));
}

TEST_F(HelperTest, AnAnswerBesideAFailureIsNotRepeated) {
  scripts.install("test", R"(echo '{"Username":"ann","Secret":"s3cret"}'; exit 1)");
  EXPECT_STREQ(failure_of("test").what(), "docker-credential-test get: exit status 1");
}

TEST_F(HelperTest, AnAnswerThatIsNoneIsCorruptAndNotRepeated) {
  for (const char* answer : {"s3cret", "[\"s3cret\"]", R"({"Username":7,"Secret":"s3cret"})", "",
                             R"({"Secret":"s3cret","Secret":"s3cret"})", R"({"Secret":"s3cret")"}) {
    scripts.install("test", "echo '" + std::string(answer) + "'");
    const Error error = failure_of("test");
    EXPECT_EQ(error.kind(), ErrorKind::corrupt) << answer;
    EXPECT_THAT(error.what(), Not(HasSubstr("s3cret"))) << answer;
  }
}

TEST_F(HelperTest, MoreThanOneMiBOfAnswerIsAnError) {
  scripts.install("test", "head -c 2000000 /dev/zero");
  EXPECT_EQ(failure_of("test").kind(), ErrorKind::failed);
}

TEST_F(HelperTest, AProgramThatIsMissingIsAnErrorThatNamesIt) {
  const Error error = failure_of("no-such-helper");
  EXPECT_EQ(error.kind(), ErrorKind::failed);
  EXPECT_THAT(error.what(), HasSubstr("docker-credential-no-such-helper"));
  EXPECT_THAT(error.hint(), HasSubstr("install it"));
}

TEST_F(HelperTest, AProgramThatMayNotBeRunIsAnErrorThatNamesIt) {
  scripts.install("test", "");
  std::filesystem::permissions(scripts.log().parent_path() / "docker-credential-test",
                               std::filesystem::perms::owner_read);
  const Error error = failure_of("test");
  EXPECT_EQ(error.kind(), ErrorKind::failed);
  EXPECT_THAT(error.what(), HasSubstr("docker-credential-test"));
}

TEST_F(HelperTest, ANameThatIsAPathOrMoreIsRefused) {
  for (const char* name : {"", "../evil", "a/b", "a b", "a\nb", "a;b", "$(x)", "ä", "a\\b"}) {
    EXPECT_THROW(CredentialHelper{name}, Error) << name;
  }
  for (const char* name : {"ecr-login", "desktop.exe", "secret_service", "pass", "X9"}) {
    EXPECT_EQ(CredentialHelper(name).program(), "docker-credential-" + std::string(name));
  }
}

TEST_F(HelperTest, AServerWithControlCharactersIsNeverAsked) {
  scripts.install("test", "exit 0");
  for (const std::string& server :
       {std::string("a\nhost=b"), std::string("a\rb"), std::string("a\0b", 3), std::string()}) {
    EXPECT_EQ(failure_of("test", server).kind(), ErrorKind::usage);
    EXPECT_THROW(CredentialHelper("test").store({}, server, {}), Error);
    EXPECT_THROW(CredentialHelper("test").erase({}, server), Error);
  }
  EXPECT_FALSE(std::filesystem::exists(scripts.log()));
}

TEST_F(HelperTest, StoresAPassword) {
  scripts.install("test", "");
  CredentialHelper("test").store({}, "registry.example", {.username = "ann", .password = "p\"w"});
  EXPECT_EQ(
      log(),
      "store {\"ServerURL\":\"registry.example\",\"Username\":\"ann\",\"Secret\":\"p\\\"w\"}\n");
}

TEST_F(HelperTest, StoresAnIdentityToken) {
  scripts.install("test", "");
  CredentialHelper("test").store({}, "r", {.username = "ann", .identity_token = "t"});
  EXPECT_EQ(log(), "store {\"ServerURL\":\"r\",\"Username\":\"<token>\",\"Secret\":\"t\"}\n");
}

TEST_F(HelperTest, AFailureToStoreDoesNotRepeatTheSecret) {
  scripts.install("test", "echo cannot store s3cret here; exit 1");
  try {
    CredentialHelper("test").store({}, "r", {.username = "ann", .password = "s3cret"});
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "docker-credential-test store: exit status 1");
  }
}

TEST_F(HelperTest, ASecretThatIsNotUtf8CannotBeStored) {
  scripts.install("test", "");
  EXPECT_THROW(CredentialHelper("test").store({}, "r", {.username = "ann", .password = "\xff"}),
               Error);
}

TEST_F(HelperTest, Erases) {
  scripts.install("test", "");
  CredentialHelper("test").erase({}, "https://index.docker.io/v1/");
  EXPECT_EQ(log(), "erase https://index.docker.io/v1/\n");
}

TEST_F(HelperTest, ErasingWhatIsNotThereIsDone) {
  scripts.install("test", "echo 'credentials not found in native keychain'; exit 1");
  CredentialHelper("test").erase({}, "r");
  scripts.install("test", "echo 'not implemented'; exit 1");
  EXPECT_THROW(CredentialHelper("test").erase({}, "r"), Error);
}

}  // namespace
}  // namespace davit::transport
