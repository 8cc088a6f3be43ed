#include "transport/http/proxy.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/environment.hpp"

namespace davit::transport {
namespace {

/// What is read where these proxy variables are set and no others.
Proxies read(const std::map<std::string, std::string>& variables) {
  std::deque<tests::ScopedVariable> environment;
  for (const char* name : {"http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy",
                           "ALL_PROXY", "no_proxy", "NO_PROXY"}) {
    const auto found = variables.find(name);
    environment.emplace_back(
        name, found != variables.end() ? std::optional(found->second) : std::nullopt);
  }
  return Proxies::from_environment();
}

std::string proxy_of(const Proxies& proxies, std::string_view url) {
  return proxies.of(Url::parse(url).origin);
}

TEST(Proxies, AreNoneInABareEnvironment) {
  EXPECT_EQ(proxy_of(read({}), "https://a.example/"), "");
  EXPECT_EQ(proxy_of(read({{"https_proxy", ""}}), "https://a.example/"), "");
}

TEST(Proxies, AreChosenByTheTargetsScheme) {
  const Proxies proxies = read({{"http_proxy", "http://p:1"}, {"HTTPS_PROXY", "http://p:2"}});
  EXPECT_EQ(proxy_of(proxies, "http://a.example/"), "http://p:1");
  EXPECT_EQ(proxy_of(proxies, "https://a.example/"), "http://p:2");
}

TEST(Proxies, IgnoreTheUpperCaseNameThatARequestCanSet) {
  EXPECT_EQ(proxy_of(read({{"HTTP_PROXY", "http://evil:1"}}), "http://a.example/"), "");
}

TEST(Proxies, FallBackToTheOneForAll) {
  const Proxies proxies = read({{"ALL_PROXY", "socks5h://p:1"}, {"https_proxy", "http://p:2"}});
  EXPECT_EQ(proxy_of(proxies, "http://a.example/"), "socks5h://p:1");
  EXPECT_EQ(proxy_of(proxies, "https://a.example/"), "http://p:2");
}

TEST(Proxies, PreferLowerCase) {
  EXPECT_EQ(read({{"https_proxy", "http://low"}, {"HTTPS_PROXY", "http://up"}}).https,
            "http://low");
}

TEST(Proxies, LeaveExceptionsAlone) {
  const Proxies proxies = read({{"all_proxy", "http://p"},
                                {"no_proxy",
                                 "localhost, Corp.example,.lab.example 10.0.0.0/8,"
                                 "192.168.1.7,fd00::/8,[2001:db8::1]"}});
  const std::vector<std::pair<const char*, bool>> rows = {
      {"http://localhost:5000/", true},
      {"http://corp.example/", true},
      {"https://registry.corp.example/", true},
      {"https://notcorp.example/", false},
      {"https://lab.example/", true},
      {"https://a.b.lab.example/", true},
      {"https://corp.example.com/", false},
      {"https://10.1.2.3/", true},
      {"https://11.1.2.3/", false},
      {"https://192.168.1.7/", true},
      {"https://192.168.1.8/", false},
      {"https://[fd12::1]/", true},
      {"https://[fe12::1]/", false},
      {"https://[2001:db8::1]/", true},
      {"https://a.example/", false},
  };
  for (const auto& [url, direct] : rows) {
    EXPECT_EQ(proxy_of(proxies, url), direct ? "" : "http://p") << url;
  }
}

TEST(Proxies, LeaveEverythingAloneWithAStar) {
  EXPECT_EQ(proxy_of(read({{"all_proxy", "http://p"}, {"NO_PROXY", "*"}}), "https://a.example/"),
            "");
}

TEST(Proxies, AreNotForThisMachine) {
  const Proxies proxies = read({{"all_proxy", "http://p"}});
  for (const char* url : {"http://localhost:5000/", "https://127.0.0.1/", "http://[::1]:80/"}) {
    EXPECT_EQ(proxy_of(proxies, url), "") << url;
  }
}

TEST(Proxies, DoNotTakeAMalformedNetworkForOne) {
  const Proxies proxies =
      read({{"all_proxy", "http://p"}, {"no_proxy", "10.0.0.0/33 10.0.0.0/x /8"}});
  EXPECT_EQ(proxy_of(proxies, "https://10.0.0.1/"), "http://p");
}

}  // namespace
}  // namespace davit::transport
