#include "transport/ecr/token_file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <thread>
#include <vector>

#include "oci/base/error.hpp"
#include "oci/base/file.hpp"
#include "tests/support/aws.hpp"
#include "tests/support/errors.hpp"

namespace davit::transport::ecr {
namespace {

using oci::Error;
using oci::ErrorKind;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using tests::new_year;
using tests::TempDir;

class TokenFilesTest : public testing::Test {
 protected:
  TokenFiles files() {
    return TokenFiles(dir / "davit" / "ecr", [this] { return now; });
  }

  AuthorizationToken fetch() {
    ++fetched;
    return {"token" + std::to_string(fetched), now, now + life};
  }

  std::string get(TokenFiles&& from, const std::string& key = "key") {
    return from.get({}, key, [this] { return fetch(); }).token;
  }

  static void drop(TokenFiles& from, const std::string& token) {
    from.drop("key", [&](const AuthorizationToken& kept) { return kept.token == token; });
  }

  std::filesystem::path only_file() const {
    for (const auto& entry : std::filesystem::directory_iterator(dir / "davit" / "ecr")) {
      if (entry.path().extension() == ".json") return entry.path();
    }
    return {};
  }

  const TempDir dir;
  std::chrono::system_clock::time_point now = new_year;
  std::chrono::system_clock::duration life = hours(12);
  int fetched = 0;
};

TEST_F(TokenFilesTest, FetchOnceForAllProcesses) {
  EXPECT_EQ(get(files()), "token1");
  EXPECT_EQ(get(files()), "token1");
  EXPECT_EQ(fetched, 1);
}

TEST_F(TokenFilesTest, KeepATokenForEachKey) {
  EXPECT_EQ(get(files(), "a"), "token1");
  EXPECT_EQ(get(files(), "b"), "token2");
  EXPECT_EQ(get(files(), "a"), "token1");
}

TEST_F(TokenFilesTest, AreForNobodyElsesEyes) {
  get(files());
  struct stat status;
  ASSERT_EQ(::stat(only_file().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  ASSERT_EQ(::stat(only_file().parent_path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700u);
}

TEST_F(TokenFilesTest, RenewALongLivedTokenAnHourBeforeItExpires) {
  get(files());
  now += hours(10) + minutes(59);
  EXPECT_EQ(get(files()), "token1");
  now += minutes(2);
  EXPECT_EQ(get(files()), "token2");
}

TEST_F(TokenFilesTest, RenewAShortLivedTokenInItsLastQuarter) {
  life = seconds(100);
  get(files());
  now += seconds(74);
  EXPECT_EQ(get(files()), "token1");
  now += seconds(2);
  EXPECT_EQ(get(files()), "token2");
}

TEST_F(TokenFilesTest, GiveTheOldTokenWhereNoNewOneIsToBeHad) {
  get(files());
  now += hours(11) + minutes(30);
  const auto unavailable = []() -> AuthorizationToken {
    throw Error(ErrorKind::unavailable, "down");
  };
  EXPECT_EQ(files().get({}, "key", unavailable).token, "token1");
  now += hours(1);
  EXPECT_EQ(tests::kind_of([&] { files().get({}, "key", unavailable); }), ErrorKind::unavailable);
}

TEST_F(TokenFilesTest, DoNotHideADenial) {
  get(files());
  now += hours(11) + minutes(30);
  EXPECT_EQ(tests::kind_of([&] {
              files().get({}, "key",
                          []() -> AuthorizationToken { throw Error(ErrorKind::denied, "no"); });
            }),
            ErrorKind::denied);
}

TEST_F(TokenFilesTest, AreWrittenAnewWhereTheyAreSpoilt) {
  get(files());
  for (const char* text : {"", "{", "[]", R"({"token":"","fetched":1,"expires":2})", "\xff"}) {
    tests::write_file(only_file(), text);
    const int before = fetched;
    get(files());
    EXPECT_EQ(fetched, before + 1) << text;
  }
}

TEST_F(TokenFilesTest, AreKeptInMemoryWhereNoneCanBeMade) {
  TokenFiles nowhere("/proc/davit", [this] { return now; });
  EXPECT_EQ(nowhere.get({}, "key", [this] { return fetch(); }).token, "token1");
  EXPECT_EQ(nowhere.get({}, "key", [this] { return fetch(); }).token, "token1");
}

TEST_F(TokenFilesTest, ForgetATokenThatIsRefusedForAllProcesses) {
  get(files());
  TokenFiles mine = files();
  EXPECT_EQ(mine.get({}, "key", [this] { return fetch(); }).token, "token1");
  drop(mine, "token1");
  EXPECT_EQ(get(files()), "token2");
  EXPECT_EQ(mine.get({}, "key", [this] { return fetch(); }).token, "token2");
  EXPECT_EQ(fetched, 2);
}

TEST_F(TokenFilesTest, DoNotForgetTheNextToken) {
  get(files());
  TokenFiles late = files();
  late.get({}, "key", [this] { return fetch(); });
  TokenFiles early = files();
  drop(early, "token1");
  EXPECT_EQ(get(files()), "token2");
  drop(late, "token1");
  EXPECT_EQ(late.get({}, "key", [this] { return fetch(); }).token, "token2");
  EXPECT_EQ(fetched, 2);
}

TEST_F(TokenFilesTest, DoNotFetchAgainAndAgainWhatIsRefused) {
  TokenFiles mine = files();
  const auto get_mine = [&] { return mine.get({}, "key", [this] { return fetch(); }).token; };
  EXPECT_EQ(get_mine(), "token1");
  for (int i = 0; i < 10; ++i) {
    drop(mine, "token1");
    EXPECT_EQ(get_mine(), "token1");
  }
  now += minutes(1);
  drop(mine, "token1");
  EXPECT_EQ(get_mine(), "token2");
}

TEST_F(TokenFilesTest, OfTimesThatNoClockTellsAreGood) {
  get(files());
  tests::write_file(only_file(), R"({"token":"x","fetched":0,"expires":4611686018427387904})");
  EXPECT_EQ(get(files()), "x");
}

TEST_F(TokenFilesTest, LetOneOfManyProcessesFetch) {
  const std::filesystem::path counter = dir / "counter";
  std::vector<pid_t> children;
  for (int i = 0; i < 20; ++i) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      files().get({}, "key", [&] {
        std::ofstream(counter, std::ios::app) << "x";
        ::usleep(20'000);
        return fetch();
      });
      ::_exit(0);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(std::filesystem::file_size(counter), 1u);
}

}  // namespace
}  // namespace davit::transport::ecr
