#include "transport/auth/token_cache.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <string>
#include <thread>
#include <vector>

#include "oci/base/error.hpp"
#include "oci/base/tasks.hpp"

namespace davit::transport {
namespace {

using std::chrono::seconds;

ScopeSet scopes(std::string_view text) { return ScopeSet::parse(text); }

/// Numbers the tokens it gives; each lives a minute of a clock that the test moves.
struct TokenCacheTest : testing::Test {
  Token fetch(const ScopeSet& wanted) {
    asked.push_back(wanted.str());
    return {std::make_shared<const std::string>("token " + std::to_string(asked.size())),
            now + seconds(60)};
  }

  std::chrono::steady_clock::time_point now{};
  std::vector<std::string> asked;
  TokenCache cache{[this](const oci::Call&, const ScopeSet& wanted) { return fetch(wanted); },
                   [this] { return now; }};
};

TEST_F(TokenCacheTest, ATokenIsFetchedOnce) {
  EXPECT_EQ(*cache.get({}, scopes("repository:a:pull")), "token 1");
  EXPECT_EQ(*cache.get({}, scopes("repository:a:pull")), "token 1");
  EXPECT_EQ(asked, std::vector<std::string>{"repository:a:pull"});
}

TEST_F(TokenCacheTest, ATokenServesWhatItCovers) {
  cache.get({}, scopes("repository:a:pull,push repository:b:pull"));
  EXPECT_EQ(*cache.get({}, scopes("repository:a:pull")), "token 1");
  EXPECT_EQ(*cache.get({}, scopes("repository:a:push")), "token 1");
  EXPECT_EQ(*cache.get({}, scopes("repository:b:pull")), "token 1");
  EXPECT_EQ(*cache.get({}, scopes("repository:b:push")), "token 2");
  EXPECT_EQ(*cache.get({}, scopes("repository:c:pull")), "token 3");
}

TEST_F(TokenCacheTest, ATokenIsRenewedWhenItsTimeHasCome) {
  cache.get({}, scopes("aws"));
  now += seconds(59);
  EXPECT_EQ(*cache.get({}, scopes("aws")), "token 1");
  now += seconds(1);
  EXPECT_EQ(*cache.get({}, scopes("aws")), "token 2");
}

TEST_F(TokenCacheTest, ARefusedTokenIsReplacedOnce) {
  const Authorization first = cache.get({}, scopes("aws"));
  const Authorization second = cache.get({}, scopes("aws"), first);
  EXPECT_EQ(*second, "token 2");
  EXPECT_EQ(cache.get({}, scopes("aws"), first), second);
  EXPECT_EQ(asked.size(), 2u);
}

TEST_F(TokenCacheTest, OtherTokensOutliveARefusal) {
  const Authorization a = cache.get({}, scopes("repository:a:pull"));
  const Authorization b = cache.get({}, scopes("repository:b:pull"));
  cache.get({}, scopes("repository:a:pull"), a);
  EXPECT_EQ(cache.get({}, scopes("repository:b:pull")), b);
}

TEST(TokenCache, AFailureIsNotKept) {
  int asked = 0;
  TokenCache cache(
      [&](const oci::Call&, const ScopeSet&) -> Token {
        if (++asked == 1) throw oci::Error(oci::ErrorKind::unavailable, "down");
        return {std::make_shared<const std::string>("token"),
                std::chrono::steady_clock::now() + seconds(60)};
      },
      std::chrono::steady_clock::now);
  EXPECT_THROW(cache.get({}, scopes("aws")), oci::Error);
  EXPECT_EQ(*cache.get({}, scopes("aws")), "token");
}

TEST(TokenCache, ManyThreadsCauseOneFetch) {
  constexpr int threads = 16;
  std::latch all_here(threads);
  std::atomic<int> asked = 0;
  TokenCache cache(
      [&](const oci::Call&, const ScopeSet&) -> Token {
        all_here.wait();
        ++asked;
        return {std::make_shared<const std::string>("token"),
                std::chrono::steady_clock::now() + seconds(60)};
      },
      std::chrono::steady_clock::now);
  std::vector<std::jthread> running;
  for (int i = 0; i < threads; ++i) {
    running.emplace_back([&] {
      all_here.count_down();
      EXPECT_EQ(*cache.get({}, scopes("aws")), "token");
    });
  }
  running.clear();
  EXPECT_EQ(asked, 1);
}

TEST(TokenCache, FetchesForDifferentScopesDoNotWaitForEachOther) {
  std::latch both_asked(2);
  TokenCache cache(
      [&](const oci::Call&, const ScopeSet& wanted) -> Token {
        both_asked.arrive_and_wait();
        return {std::make_shared<const std::string>(wanted.str()),
                std::chrono::steady_clock::now() + seconds(60)};
      },
      std::chrono::steady_clock::now);
  std::jthread other(
      [&] { EXPECT_EQ(*cache.get({}, scopes("repository:a:pull")), "repository:a:pull"); });
  EXPECT_EQ(*cache.get({}, scopes("repository:a:pull,push")), "repository:a:pull,push");
}

TEST(TokenCache, WhoWaitsForAFetchThatIsStoppedAsksHimself) {
  std::stop_source stop;
  std::latch asked(1);
  std::atomic<int> fetches = 0;
  TokenCache cache(
      [&](const oci::Call& call, const ScopeSet&) -> Token {
        if (++fetches == 1) {
          asked.count_down();
          oci::sleep_for(call, std::chrono::hours(1));
        }
        return {std::make_shared<const std::string>("token"),
                std::chrono::steady_clock::now() + seconds(60)};
      },
      std::chrono::steady_clock::now);
  std::jthread first(
      [&] { EXPECT_THROW(cache.get({.stop = stop.get_token()}, scopes("aws")), oci::Error); });
  asked.wait();
  std::jthread second([&] { EXPECT_EQ(*cache.get({}, scopes("aws")), "token"); });
  stop.request_stop();
}

TEST(TokenCache, WhoWaitsForAFetchHearsItsOwnStop) {
  std::stop_source stop;
  std::latch asked(1);
  std::latch over(1);
  TokenCache cache(
      [&](const oci::Call&, const ScopeSet&) -> Token {
        asked.count_down();
        over.wait();
        return {std::make_shared<const std::string>("token"),
                std::chrono::steady_clock::now() + seconds(60)};
      },
      std::chrono::steady_clock::now);
  std::jthread first([&] { EXPECT_EQ(*cache.get({}, scopes("aws")), "token"); });
  asked.wait();
  stop.request_stop();
  EXPECT_THROW(cache.get({.stop = stop.get_token()}, scopes("aws")), oci::Error);
  over.count_down();
}

TEST(TokenCache, AFailureReachesEveryThread) {
  constexpr int threads = 16;
  std::latch all_here(threads);
  std::atomic<int> failed = 0;
  TokenCache cache(
      [&](const oci::Call&, const ScopeSet&) -> Token {
        all_here.wait();
        throw oci::Error(oci::ErrorKind::denied, "wrong password");
      },
      std::chrono::steady_clock::now);
  std::vector<std::jthread> running;
  for (int i = 0; i < threads; ++i) {
    running.emplace_back([&] {
      all_here.count_down();
      try {
        cache.get({}, scopes("aws"));
      } catch (const oci::Error& error) {
        if (error.kind() == oci::ErrorKind::denied) ++failed;
      }
    });
  }
  running.clear();
  EXPECT_EQ(failed, threads);
}

}  // namespace
}  // namespace davit::transport
