#include "transport/auth/docker_config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <vector>

#include "oci/base/error.hpp"
#include "oci/base/file.hpp"
#include "tests/transport/auth/helper_scripts.hpp"

namespace davit::transport {
namespace {

namespace fs = std::filesystem;
using oci::Error;
using oci::ErrorKind;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

/// What an entry for user `name` with password "pw" looks like.
std::string auth(const std::string& name) {
  return R"({"auth":")" + oci::to_base64(oci::bytes_of(name + ":pw")) + R"("})";
}

struct DockerConfigTest : testing::Test {
  void write(const std::string& text) const { tests::write_file(file, text); }

  std::optional<Credentials> find(std::string_view registry,
                                  std::string_view repository = {}) const {
    return DockerConfig({file}).find({}, registry, repository);
  }
  /// The user name found, or "none".
  std::string user(std::string_view registry, std::string_view repository = {}) const {
    const auto found = find(registry, repository);
    return found ? found->username : "none";
  }
  Error failure_of(std::string_view registry) const {
    try {
      find(registry);
    } catch (const Error& error) {
      return error;
    }
    ADD_FAILURE() << "nothing was thrown";
    return Error(ErrorKind::failed, "");
  }

  tests::TempDir directory;
  fs::path file = directory / "config.json";
};

TEST_F(DockerConfigTest, EntriesAreReadInEveryForm) {
  struct Row {
    const char* entry;
    std::optional<Credentials> expected;
  };
  const Row rows[] = {
      {R"({"auth":"YW5uOnB3"})", Credentials{.username = "ann", .password = "pw"}},
      {R"({"auth":"YW5uOnA6dw=="})", Credentials{.username = "ann", .password = "p:w"}},
      {R"({"auth":"YW5uOnB3AAA="})", Credentials{.username = "ann", .password = "pw"}},
      {R"({"auth":"OnB3"})", Credentials{.password = "pw"}},
      {R"({"username":"ann","password":"pw"})", Credentials{.username = "ann", .password = "pw"}},
      {R"({"auth":"YW5uOnB3","username":"eve","password":"old","email":"x"})",
       Credentials{.username = "ann", .password = "pw"}},
      {R"({"auth":"YW5uOg==","identitytoken":"t"})",
       Credentials{.username = "ann", .identity_token = "t"}},
      {R"({"identitytoken":"t"})", Credentials{.identity_token = "t"}},
      {R"({"registrytoken":"t"})", Credentials{.registry_token = "t"}},
      {R"({"auth":""})", std::nullopt},
      {R"({"auth":null})", std::nullopt},
      {R"({"auth":"YW5uOg=="})", std::nullopt},
      {"{}", std::nullopt},
  };
  for (const Row& row : rows) {
    write(R"({"auths":{"r.example":)" + std::string(row.entry) + "}}");
    EXPECT_EQ(find("r.example"), row.expected) << row.entry;
  }
}

TEST_F(DockerConfigTest, KeysAreReadInEverySpelling) {
  for (const char* key : {"r.example", "R.Example", "https://r.example", "https://r.example/",
                          "http://r.example/v1/", "https://r.example/v2/", "r.example/v1/"}) {
    write(R"({"auths":{")" + std::string(key) + "\":" + auth("ann") + "}}");
    EXPECT_EQ(user("r.example"), "ann") << key;
  }
}

TEST_F(DockerConfigTest, NoOtherHostIsEverMeant) {
  for (const char* key :
       {"r.example:5000", "r.example.evil", "x.r.example", "example", "https://r.example@evil",
        "https://evil/r.example", "evil/r.example", "*.example", "", "r.example?", "r.example."}) {
    write(R"({"auths":{")" + std::string(key) + "\":" + auth("eve") + "}}");
    EXPECT_EQ(user("r.example"), "none") << key;
    EXPECT_EQ(user("r.example", "team/app"), "none") << key;
  }
}

TEST_F(DockerConfigTest, AnEntryAsDockerWritesItGoesBeforeOtherSpellings) {
  write(R"({"auths":{"http://r.example":)" + auth("old") + R"(,"r.example":)" + auth("ann") +
        R"(,"https://r.example/v1/":)" + auth("older") + "}}");
  EXPECT_EQ(user("r.example"), "ann");
}

TEST_F(DockerConfigTest, DockerHubIsFoundUnderItsOldAddress) {
  for (const char* key : {"https://index.docker.io/v1/", "docker.io", "index.docker.io"}) {
    write(R"({"auths":{")" + std::string(key) + "\":" + auth("ann") + "}}");
    EXPECT_EQ(user("docker.io"), "ann") << key;
    EXPECT_EQ(user("docker.io", "library/python"), "ann") << key;
  }
  write(R"({"auths":{"https://index.docker.io/v1/access-token":)" + auth("eve") + "}}");
  EXPECT_EQ(user("docker.io"), "none");
}

TEST_F(DockerConfigTest, TheLongestNamespaceGoesFirst) {
  write(R"({"auths":{"r.example":)" + auth("all") + R"(,"r.example/team":)" + auth("team") +
        R"(,"r.example/team/app":)" + auth("app") + "}}");
  EXPECT_EQ(user("r.example", "team/app"), "app");
  EXPECT_EQ(user("r.example", "team/app/sub"), "app");
  EXPECT_EQ(user("r.example", "team/application"), "team");
  EXPECT_EQ(user("r.example", "team"), "team");
  EXPECT_EQ(user("r.example", "teams/app"), "all");
  EXPECT_EQ(user("r.example"), "all");
}

TEST_F(DockerConfigTest, AnEntryOfANamespaceIsNotTheRegistrys) {
  write(R"({"auths":{"r.example/team":)" + auth("team") + "}}");
  EXPECT_EQ(user("r.example"), "none");
  EXPECT_EQ(user("r.example", "other/app"), "none");
}

TEST_F(DockerConfigTest, AMissingOrEmptyFileHasNone) {
  EXPECT_FALSE(find("r.example"));
  for (const char* text : {"", " \n", "{}", R"({"auths":{}})", R"({"auths":null})"}) {
    write(text);
    EXPECT_FALSE(find("r.example")) << text;
  }
  EXPECT_FALSE(DockerConfig({"/dev/null"}).find({}, "r.example", ""));
  EXPECT_FALSE(DockerConfig(std::vector<fs::path>{}).find({}, "r.example", ""));
}

TEST_F(DockerConfigTest, AMalformedFileIsCorruptAndNamed) {
  for (const char* text :
       {"s3cret", "[]", R"({"auths":[]})", R"({"auths":{"r.example":"s3cret"}})",
        R"({"auths":{"r.example":{"auth":7}}})", R"({"auths":{"r.example":{"auth":"s3cret!"}}})",
        R"({"auths":{"r.example":{"auth":"czNjcmV0"}}})", R"({"credHelpers":7})",
        R"({"credHelpers":{"r.example":7}})", R"({"credsStore":{}})", R"({"credsStore":"../x"})",
        R"({"auths":{},"auths":{}})", R"({"auths":{"r.example":{"identitytoken":[]}}})"}) {
    write(text);
    const Error error = failure_of("r.example");
    EXPECT_EQ(error.kind(), ErrorKind::corrupt) << text;
    EXPECT_THAT(error.what(), HasSubstr(file.native())) << text;
    EXPECT_THAT(error.what(), Not(HasSubstr("s3cret"))) << text;
    EXPECT_THAT(error.what(), Not(HasSubstr("czNjcmV0"))) << text;
  }
}

TEST_F(DockerConfigTest, AMalformedEntryOfAnotherRegistryDoesNotMatter) {
  write(R"({"auths":{"r.example":)" + auth("ann") + R"(,"other.example":{"auth":"!"}}})");
  EXPECT_EQ(user("r.example"), "ann");
}

TEST_F(DockerConfigTest, AFileWithoutPermissionIsAnError) {
  if (::geteuid() == 0) GTEST_SKIP() << "root reads everything";
  write("{}");
  fs::permissions(file, fs::perms::none);
  EXPECT_EQ(failure_of("r.example").kind(), ErrorKind::denied);
}

TEST_F(DockerConfigTest, TheFirstFileThatKnowsAnswers) {
  write(R"({"auths":{"a.example":)" + auth("ann") + "}}");
  const fs::path second = directory / "auth.json";
  tests::write_file(
      second, R"({"auths":{"a.example":)" + auth("old") + R"(,"b.example":)" + auth("bob") + "}}");
  DockerConfig config({file, second});
  EXPECT_EQ(config.find({}, "a.example", "")->username, "ann");
  EXPECT_EQ(config.find({}, "b.example", "")->username, "bob");
  EXPECT_FALSE(config.find({}, "c.example", ""));
}

TEST_F(DockerConfigTest, AChangeOfTheFileIsSeen) {
  DockerConfig config({file});
  EXPECT_FALSE(config.find({}, "r.example", ""));
  write(R"({"auths":{"r.example":)" + auth("ann") + "}}");
  EXPECT_EQ(config.find({}, "r.example", "")->username, "ann");
}

struct DockerConfigHelperTest : DockerConfigTest {
  std::string log() const { return oci::read_file(scripts.log(), oci::MiB); }
  static std::string gives(const std::string& name) {
    return R"(echo '{"Username":")" + name + R"(","Secret":"pw"}')";
  }
  static constexpr const char* gives_nothing =
      "echo 'credentials not found in native keychain'; exit 1";

  tests::HelperScripts scripts;
};

TEST_F(DockerConfigHelperTest, TheStoreIsAskedForEveryRegistry) {
  scripts.install("all", gives("ann"));
  write(R"({"credsStore":"all"})");
  EXPECT_EQ(user("r.example:5000", "team/app"), "ann");
  EXPECT_EQ(user("docker.io"), "ann");
  EXPECT_EQ(log(), "get r.example:5000\nget https://index.docker.io/v1/\n");
}

TEST_F(DockerConfigHelperTest, AHelperIsAskedForItsRegistryInsteadOfTheStore) {
  scripts.install("all", gives("all"));
  scripts.install("one", gives("one"));
  write(R"({"credsStore":"all","credHelpers":{"https://r.example":"one","docker.io":"one"}})");
  EXPECT_EQ(user("r.example"), "one");
  EXPECT_EQ(user("docker.io"), "one");
  EXPECT_EQ(user("other.example"), "all");
}

TEST_F(DockerConfigHelperTest, AnEmptyNameIsNoHelper) {
  scripts.install("all", gives("all"));
  write(R"({"credsStore":"all","credHelpers":{"r.example":""},"auths":{"r.example":)" +
        auth("ann") + "}}");
  EXPECT_EQ(user("r.example"), "ann");
}

TEST_F(DockerConfigHelperTest, AHelperGoesBeforeAnEntry) {
  scripts.install("one", gives("one"));
  write(R"({"credHelpers":{"r.example":"one"},"auths":{"r.example":)" + auth("stale") + "}}");
  EXPECT_EQ(user("r.example"), "one");
}

TEST_F(DockerConfigHelperTest, AnEntryOfTheSameRegistryServesWhereTheHelperHasNone) {
  scripts.install("ecr-login", gives_nothing);
  write(R"({"credsStore":"ecr-login","auths":{"r.example":)" + auth("ann") + "}}");
  EXPECT_EQ(user("r.example"), "ann");
  EXPECT_EQ(user("other.example"), "none");
}

TEST_F(DockerConfigHelperTest, AFailingHelperIsAnErrorAndNothingElseIsAsked) {
  scripts.install("bad", "echo locked; exit 1");
  scripts.install("all", gives("all"));
  write(R"({"credsStore":"all","credHelpers":{"r.example":"bad"},"auths":{"r.example":)" +
        auth("stale") + "}}");
  const Error error = failure_of("r.example");
  EXPECT_THAT(error.what(), HasSubstr("docker-credential-bad get: locked"));
  EXPECT_THAT(error.what(), HasSubstr("r.example"));
  EXPECT_THAT(error.what(), HasSubstr(file.native()));
  EXPECT_EQ(log(), "get r.example\n");
}

TEST_F(DockerConfigHelperTest, AHelperThatIsMissingIsAnErrorWithAHint) {
  write(R"({"credsStore":"no-such-helper"})");
  const Error error = failure_of("r.example");
  EXPECT_THAT(error.what(), HasSubstr("docker-credential-no-such-helper"));
  EXPECT_FALSE(error.hint().empty());
}

struct CredentialFilesTest : testing::Test {
  using Variable = tests::ScopedVariable;

  Variable auth_file{"REGISTRY_AUTH_FILE", std::nullopt};
  Variable docker{"DOCKER_CONFIG", std::nullopt};
  Variable home{"HOME", "/home/ann"};
  Variable runtime{"XDG_RUNTIME_DIR", "/run/user/7"};
  Variable config{"XDG_CONFIG_HOME", std::nullopt};
};

TEST_F(CredentialFilesTest, DockersGoesBeforePodmans) {
  EXPECT_THAT(credential_files(),
              ElementsAre("/home/ann/.docker/config.json", "/run/user/7/containers/auth.json",
                          "/home/ann/.config/containers/auth.json"));
}

TEST_F(CredentialFilesTest, TheConfigurationDirectoryMayBeElsewhere) {
  const Variable other("XDG_CONFIG_HOME", "/etc/xdg");
  EXPECT_EQ(credential_files().at(2), "/etc/xdg/containers/auth.json");
}

TEST_F(CredentialFilesTest, DockerConfigIsTheOnlyOne) {
  const Variable set("DOCKER_CONFIG", "/ci/docker");
  EXPECT_THAT(credential_files(), ElementsAre("/ci/docker/config.json"));
}

TEST_F(CredentialFilesTest, RegistryAuthFileGoesBeforeAll) {
  const Variable set("REGISTRY_AUTH_FILE", "/ci/auth.json");
  const Variable also_set("DOCKER_CONFIG", "/ci/docker");
  EXPECT_THAT(credential_files(), ElementsAre("/ci/auth.json"));
}

TEST_F(CredentialFilesTest, AnEmptyVariableIsNotSet) {
  const Variable file("REGISTRY_AUTH_FILE", "");
  const Variable directory("DOCKER_CONFIG", "");
  const Variable run("XDG_RUNTIME_DIR", "");
  EXPECT_THAT(credential_files(), ElementsAre("/home/ann/.docker/config.json",
                                              "/home/ann/.config/containers/auth.json"));
}

TEST_F(CredentialFilesTest, WithoutAHomeThereMayBeNone) {
  const Variable no_home("HOME", std::nullopt);
  const Variable no_runtime("XDG_RUNTIME_DIR", std::nullopt);
  EXPECT_THAT(credential_files(), ElementsAre());
}

}  // namespace
}  // namespace davit::transport
