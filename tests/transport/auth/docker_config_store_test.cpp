#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "oci/base/error.hpp"
#include "oci/base/file.hpp"
#include "tests/transport/auth/helper_scripts.hpp"
#include "transport/auth/docker_config.hpp"

namespace davit::transport {
namespace {

namespace fs = std::filesystem;
using oci::Error;
using testing::HasSubstr;
using testing::Not;

const Credentials ann{.username = "ann", .password = "pw"};

mode_t mode_of(const fs::path& path) {
  struct stat status {};
  EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
  return status.st_mode & 07777;
}

struct StoreTest : testing::Test {
  void write(const std::string& text) const { tests::write_file(file, text); }
  std::string text() const { return oci::read_file(file, oci::MiB); }
  std::optional<Credentials> found(std::string_view registry = "r.example") {
    return config.find({}, registry, "");
  }

  tests::TempDir directory;
  fs::path file = directory / "docker/config.json";
  DockerConfig config{{file}};
};

TEST_F(StoreTest, WhatIsStoredIsFound) {
  const Credentials all[] = {
      ann,
      {.username = "ann", .password = "p:w\"\xff"},
      {.password = "pw"},
      {.username = "ann", .identity_token = "t"},
      {.identity_token = "t"},
      {.registry_token = "t"},
  };
  for (const Credentials& credentials : all) {
    EXPECT_EQ(config.store({}, "r.example", credentials), file.native());
    EXPECT_EQ(found(), credentials);
  }
}

TEST_F(StoreTest, TheFileIsAsDockerWritesIt) {
  config.store({}, "r.example", ann);
  EXPECT_EQ(text(),
            "{\n\t\"auths\": {\n\t\t\"r.example\": {\n\t\t\t\"auth\": \"YW5uOnB3\"\n\t\t}\n"
            "\t}\n}\n");
}

TEST_F(StoreTest, DockerHubStandsUnderItsOldAddress) {
  config.store({}, "docker.io", ann);
  EXPECT_THAT(text(), HasSubstr("\"https://index.docker.io/v1/\": {"));
  EXPECT_EQ(found("docker.io"), ann);
}

TEST_F(StoreTest, OtherMembersStayAsTheyWere) {
  write(
      R"({"psFormat":"table","auths":{"a.example":{"auth":"eDp5","email":"e"}},"z":[1,{"b":2.5}],)"
      R"("HttpHeaders":{"B":"1","A":"2"}})");
  config.store({}, "r.example", ann);
  EXPECT_EQ(text(),
            R"({
	"psFormat": "table",
	"auths": {
		"a.example": {
			"auth": "eDp5",
			"email": "e"
		},
		"r.example": {
			"auth": "YW5uOnB3"
		}
	},
	"z": [
		1,
		{
			"b": 2.5
		}
	],
	"HttpHeaders": {
		"B": "1",
		"A": "2"
	}
}
)");
}

TEST_F(StoreTest, OtherSpellingsOfTheRegistryAreReplaced) {
  write(R"({"auths":{"https://r.example/v1/":{"auth":"eDp5"},"r.example/team":{"auth":"eDp5"}}})");
  config.store({}, "r.example", ann);
  EXPECT_THAT(text(), Not(HasSubstr("https://r.example")));
  EXPECT_THAT(text(), HasSubstr("r.example/team"));
  EXPECT_EQ(found(), ann);
}

TEST_F(StoreTest, NobodyElseMayReadIt) {
  const mode_t old = ::umask(0);
  config.store({}, "r.example", ann);
  EXPECT_EQ(mode_of(file), 0600u);
  EXPECT_EQ(mode_of(file.parent_path()), 0700u);
  fs::permissions(file, fs::perms::all);
  config.store({}, "r.example", ann);
  EXPECT_EQ(mode_of(file), 0600u);
  ::umask(old);
}

TEST_F(StoreTest, DirectoriesThatAreThereKeepTheirMode) {
  fs::create_directory(file.parent_path());
  fs::permissions(file.parent_path(), fs::perms(0755));
  config.store({}, "r.example", ann);
  EXPECT_EQ(mode_of(file.parent_path()), 0755u);
}

TEST_F(StoreTest, ASymbolicLinkIsFollowed) {
  const fs::path target = directory / "dotfiles/docker.json";
  tests::write_file(target, R"({"psFormat":"table"})");
  fs::create_directory(file.parent_path());
  fs::create_symlink("../dotfiles/docker.json", file);
  config.store({}, "r.example", ann);
  EXPECT_TRUE(fs::is_symlink(file));
  EXPECT_THAT(oci::read_file(target, oci::MiB), HasSubstr("psFormat"));
  EXPECT_EQ(found(), ann);
}

TEST_F(StoreTest, ADanglingSymbolicLinkIsFollowed) {
  fs::create_directory(file.parent_path());
  fs::create_symlink(directory / "new/target.json", file);
  config.store({}, "r.example", ann);
  EXPECT_TRUE(fs::is_regular_file(directory / "new/target.json"));
  EXPECT_EQ(found(), ann);
}

TEST_F(StoreTest, ACircleOfSymbolicLinksIsAnError) {
  fs::create_directory(file.parent_path());
  fs::create_symlink("config.json", file);
  EXPECT_THROW(config.store({}, "r.example", ann), Error);
}

TEST_F(StoreTest, NothingIsWrittenOverAFileThatIsNotValid) {
  for (const char* broken : {"not json", "[]", R"({"auths":[]})", R"({"auths":7})"}) {
    write(broken);
    EXPECT_THROW(config.store({}, "r.example", ann), Error) << broken;
    EXPECT_THROW(config.erase({}, "r.example"), Error) << broken;
    EXPECT_EQ(text(), broken);
  }
}

TEST_F(StoreTest, ADeviceIsNotReplaced) {
  EXPECT_THROW(DockerConfig({"/dev/null"}).store({}, "r.example", ann), Error);
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
  EXPECT_FALSE(fs::exists("/dev/null.lock"));
}

TEST_F(StoreTest, RootLeavesAFileToItsOwner) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can";
  write("{}");
  ASSERT_EQ(::chown(file.c_str(), 1234, 1235), 0);
  config.store({}, "r.example", ann);
  struct stat status {};
  ASSERT_EQ(::stat(file.c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, 1234u);
  EXPECT_EQ(status.st_gid, 1235u);
  EXPECT_EQ(mode_of(file), 0600u);
}

TEST_F(StoreTest, TheFirstFileThatExistsIsUsed) {
  const fs::path second = directory / "containers/auth.json";
  DockerConfig both({file, second});
  tests::write_file(second, "{}");
  EXPECT_EQ(both.store({}, "r.example", ann), second.native());
  EXPECT_FALSE(fs::exists(file));
  fs::remove(second);
  EXPECT_EQ(both.store({}, "r.example", ann), file.native());
}

TEST_F(StoreTest, WithoutAnyPlaceItIsAnErrorWithAHint) {
  try {
    DockerConfig(std::vector<fs::path>{}).store({}, "r.example", ann);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.hint(), HasSubstr("HOME"));
  }
}

TEST_F(StoreTest, AUserNameWithAColonIsRefused) {
  EXPECT_THROW(config.store({}, "r.example", {.username = "a:b", .password = "pw"}), Error);
  EXPECT_FALSE(fs::exists(file));
}

TEST_F(StoreTest, WritersAtTheSameTimeLoseNothing) {
  constexpr int writers = 8;
  {
    std::vector<std::jthread> running;
    for (int i = 0; i < writers; ++i) {
      running.emplace_back(
          [this, i] { config.store({}, "r" + std::to_string(i) + ".example", ann); });
    }
  }
  for (int i = 0; i < writers; ++i) {
    EXPECT_EQ(found("r" + std::to_string(i) + ".example"), ann) << i;
  }
}

TEST_F(StoreTest, ErasingSaysWhetherThereWasSomething) {
  EXPECT_FALSE(config.erase({}, "r.example"));
  EXPECT_FALSE(fs::exists(file.parent_path())) << "nothing is made for it";
  config.store({}, "r.example", ann);
  config.store({}, "other.example", ann);
  EXPECT_TRUE(config.erase({}, "r.example"));
  EXPECT_FALSE(config.erase({}, "r.example"));
  EXPECT_FALSE(found());
  EXPECT_EQ(found("other.example"), ann);
}

TEST_F(StoreTest, ErasingTakesEverySpellingInEveryFile) {
  const fs::path second = directory / "auth.json";
  write(R"({"auths":{"https://r.example/v1/":{"auth":"eDp5"},"r.example":{"auth":"eDp5"}}})");
  tests::write_file(second, R"({"auths":{"r.example":{"auth":"eDp5"}},"x":1})");
  DockerConfig both({file, second});
  EXPECT_TRUE(both.erase({}, "r.example"));
  EXPECT_FALSE(both.find({}, "r.example", ""));
  EXPECT_EQ(text(), "{\n\t\"auths\": {}\n}\n");
  EXPECT_THAT(oci::read_file(second, oci::MiB), HasSubstr("\"x\": 1"));
}

TEST_F(StoreTest, ErasingNothingLeavesTheFileAlone) {
  write("{ \"auths\":   {} }");
  EXPECT_FALSE(config.erase({}, "r.example"));
  EXPECT_EQ(text(), "{ \"auths\":   {} }");
}

/// A helper that keeps one secret in a file.
struct HelperStoreTest : StoreTest {
  HelperStoreTest() {
    const std::string kept = "'" + (directory / "kept").native() + "'";
    scripts.install("test", "case $1 in store) echo \"$input\" > " + kept + ";; erase) rm " + kept +
                                ";; get) cat " + kept +
                                " 2>/dev/null || { echo credentials not found in native keychain;"
                                " exit 1; };; esac");
  }
  tests::HelperScripts scripts;
};

TEST_F(HelperStoreTest, TheHelperKeepsTheSecretAndTheFileAMark) {
  write(R"({"credsStore":"test","auths":{"r.example":{"auth":"eDp5"}}})");
  EXPECT_EQ(config.store({}, "r.example", ann), "docker-credential-test");
  EXPECT_THAT(text(), HasSubstr("\"r.example\": {}"));
  EXPECT_THAT(text(), Not(HasSubstr("eDp5")));
  EXPECT_EQ(found(), ann);
}

TEST_F(HelperStoreTest, TheHelperOfTheRegistryIsUsed) {
  write(R"({"credsStore":"no-such-helper","credHelpers":{"r.example":"test"}})");
  EXPECT_EQ(config.store({}, "r.example", ann), "docker-credential-test");
}

TEST_F(HelperStoreTest, AHelperThatFailsLeavesTheFileAsItWas) {
  const std::string before = R"({"credsStore":"bad","auths":{"r.example":{"auth":"eDp5"}}})";
  scripts.install("bad", "echo not implemented; exit 1");
  write(before);
  EXPECT_THROW(config.store({}, "r.example", ann), Error);
  EXPECT_EQ(text(), before);
}

TEST_F(HelperStoreTest, ErasingTakesItFromTheHelperAndTheFile) {
  write(R"({"credsStore":"test"})");
  config.store({}, "r.example", ann);
  EXPECT_TRUE(config.erase({}, "r.example"));
  EXPECT_FALSE(found());
  EXPECT_THAT(text(), Not(HasSubstr("r.example")));
  EXPECT_FALSE(config.erase({}, "r.example"));
}

TEST_F(HelperStoreTest, AMarkAloneIsNotACredential) {
  write(R"({"credsStore":"test","auths":{"r.example":{}}})");
  EXPECT_FALSE(config.erase({}, "r.example"));
}

}  // namespace
}  // namespace davit::transport
