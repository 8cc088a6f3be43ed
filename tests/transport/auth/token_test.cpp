#include "transport/auth/token.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "oci/base/error.hpp"
#include "tests/support/fake_transport.hpp"

namespace davit::transport {
namespace {

using oci::Error;
using oci::ErrorKind;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;
using tests::answer;
using tests::FakeTransport;

const auto epoch = std::chrono::steady_clock::time_point(seconds(1000));
const MonotonicClock clock_at_epoch = [] { return epoch; };
const Credentials password{.username = "ann", .password = "s3cret"};
const Credentials identity{.identity_token = "1d3nt/ty+"};

TokenServer server(const std::string& realm = "https://auth.example/token") {
  return {"registry.example", "the service", {.url = Url::parse(realm)}};
}

ScopeSet scopes(std::string_view text = "repository:team/app:pull,push") {
  return ScopeSet::parse(text);
}

/// The error that asking `transport` ends in.
Error failure_of(FakeTransport& transport, const Credentials* credentials) {
  try {
    fetch_token({}, transport, server(), scopes(), credentials, clock_at_epoch);
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "nothing was thrown";
  return Error(ErrorKind::failed, "");
}

TEST(FetchToken, AsksAnonymouslyWithoutCredentials) {
  FakeTransport transport({answer(200, R"({"token":"t"})")});
  const Token token = fetch_token({}, transport, server(), scopes(), nullptr, clock_at_epoch);
  EXPECT_EQ(*token.authorization, "Bearer t");
  EXPECT_EQ(transport.sent().at(0).method, "GET");
  EXPECT_EQ(transport.sent().at(0).url,
            "https://auth.example/token?service=the%20service"
            "&scope=repository%3Ateam%2Fapp%3Apull%2Cpush");
  EXPECT_EQ(transport.sent().at(0).authorization(), "");
}

TEST(FetchToken, NamesEachScopeByItself) {
  FakeTransport transport({answer(200, R"({"token":"t"})")});
  fetch_token({}, transport, server("https://auth.example/token?x=y"),
              scopes("repository:b:pull repository:a:pull,push"), nullptr, clock_at_epoch);
  EXPECT_EQ(transport.sent().at(0).url,
            "https://auth.example/token?x=y&service=the%20service"
            "&scope=repository%3Aa%3Apull%2Cpush&scope=repository%3Ab%3Apull");
}

TEST(FetchToken, LeavesOutWhatTheChallengeDidNotSay) {
  FakeTransport transport({answer(200, R"({"token":"t"})")});
  TokenServer unnamed = server();
  unnamed.service.clear();
  fetch_token({}, transport, unnamed, {}, nullptr, clock_at_epoch);
  EXPECT_EQ(transport.sent().at(0).url, "https://auth.example/token");
}

TEST(FetchToken, SendsUserNameAndPasswordAsBasic) {
  FakeTransport transport({answer(200, R"({"token":"t"})")});
  fetch_token({}, transport, server(), scopes(), &password, clock_at_epoch);
  EXPECT_EQ(transport.sent().at(0).authorization(), "Basic YW5uOnMzY3JldA==");
}

TEST(FetchToken, ExchangesAnIdentityTokenByPost) {
  FakeTransport transport({answer(200, R"({"access_token":"t"})")});
  const Token token = fetch_token({}, transport, server(), scopes(), &identity, clock_at_epoch);
  EXPECT_EQ(*token.authorization, "Bearer t");
  ASSERT_EQ(transport.sent().size(), 1u);
  const auto sent = transport.sent().at(0);
  EXPECT_EQ(sent.method, "POST");
  EXPECT_EQ(sent.url, "https://auth.example/token");
  EXPECT_EQ(sent.headers.get("Content-Type"), "application/x-www-form-urlencoded");
  EXPECT_EQ(sent.authorization(), "");
  EXPECT_EQ(sent.body,
            "grant_type=refresh_token&service=the%20service&client_id=davit"
            "&scope=repository%3Ateam%2Fapp%3Apull%2Cpush&refresh_token=1d3nt%2Fty%2B");
}

TEST(FetchToken, GetsWithAnIdentityTokenWhereTheServerKnowsNoPost) {
  for (const int status : {404, 405}) {
    FakeTransport transport({answer(status), answer(200, R"({"token":"t"})")});
    fetch_token({}, transport, server(), scopes(), &identity, clock_at_epoch);
    ASSERT_EQ(transport.sent().size(), 2u);
    EXPECT_EQ(transport.sent().at(1).method, "GET");
    EXPECT_EQ(transport.sent().at(1).authorization(),
              basic_authorization("<token>", identity.identity_token));
  }
}

TEST(FetchToken, KeepsTheUserNameBesideAnIdentityToken) {
  FakeTransport transport({answer(404), answer(200, R"({"token":"t"})")});
  const Credentials both{.username = "ann", .identity_token = "x"};
  fetch_token({}, transport, server(), scopes(), &both, clock_at_epoch);
  EXPECT_EQ(transport.sent().at(1).authorization(), basic_authorization("ann", "x"));
}

TEST(FetchToken, PassesOnWhichAddressesTheRealmMayHave) {
  FakeTransport transport({answer(404), answer(200, R"({"token":"t"})")});
  TokenServer restricted = server();
  restricted.realm.addresses = Addresses::only_public;
  fetch_token({}, transport, restricted, scopes(), &identity, clock_at_epoch);
  EXPECT_EQ(transport.sent().at(0).addresses, Addresses::only_public);
  EXPECT_EQ(transport.sent().at(1).addresses, Addresses::only_public);
}

TEST(FetchToken, TheTokenIsRenewedBeforeItsEnd) {
  struct Row {
    const char* answer;
    int usable;  ///< seconds
  };
  const Row rows[] = {
      {R"({"token":"t","expires_in":300})", 300 - 30},
      {R"({"token":"t","expires_in":3600})", 3600 - 30},
      {R"({"token":"t","expires_in":100})", 100 - 11},
      {R"({"token":"t","expires_in":5})", 5 - 1},
      {R"({"token":"t","expires_in":1})", 0},
      {R"({"token":"t"})", 60 - 7},
      {R"({"token":"t","expires_in":0})", 60 - 7},
      {R"({"token":"t","expires_in":null})", 60 - 7},
      {R"({"token":"t","expires_in":4000000000000000000})", 24 * 3600 - 30},
  };
  for (const Row& row : rows) {
    FakeTransport transport({answer(200, row.answer)});
    const Token token = fetch_token({}, transport, server(), scopes(), nullptr, clock_at_epoch);
    EXPECT_EQ(token.renew_at - epoch, seconds(row.usable)) << row.answer;
  }
}

TEST(FetchToken, ItsLifeBeginsWhenItWasAskedFor) {
  auto now = epoch;
  FakeTransport transport([&](const tests::SentRequest&) {
    now += seconds(20);
    return answer(200, R"({"token":"t","expires_in":300})");
  });
  const Token token = fetch_token({}, transport, server(), scopes(), nullptr, [&] { return now; });
  EXPECT_EQ(token.renew_at - epoch, seconds(270));
}

TEST(FetchToken, AnAnswerThatIsNoTokenIsCorrupt) {
  const std::string answers[] = {
      "",
      "<html>",
      "[]",
      "{}",
      R"({"token":""})",
      R"({"token":7})",
      R"({"token":"a b"})",
      R"({"token":"a\r\nX-Evil: 1"})",
      R"({"token":"a\u0000b"})",
      R"({"token":"ä"})",
      R"({"token":"t","token":"u"})",
      R"({"token":"t","expires_in":"300"})",
      R"({"token":"t","expires_in":-1})",
      R"({"token":"t","expires_in":1e9})",
      R"({"token":"t"} trailing)",
      R"({"token":"t"})" + std::string(1, '\0'),
      std::string(100'000, '['),
  };
  for (const std::string& text : answers) {
    FakeTransport transport({answer(200, text)});
    EXPECT_EQ(failure_of(transport, nullptr).kind(), ErrorKind::corrupt) << text.substr(0, 80);
  }
}

TEST(FetchToken, ARefusalIsDeniedWithAHint) {
  for (const int status : {401, 403}) {
    FakeTransport transport({answer(status)});
    const Error anonymous = failure_of(transport, nullptr);
    EXPECT_EQ(anonymous.kind(), ErrorKind::denied);
    EXPECT_THAT(anonymous.what(), HasSubstr("asks for credentials"));
    EXPECT_THAT(anonymous.what(), HasSubstr("repository:team/app:pull,push"));
    EXPECT_EQ(anonymous.advice(), oci::Advice::log_in);
    EXPECT_EQ(anonymous.hint(), "registry.example");
    const Error refused = failure_of(transport, &password);
    EXPECT_EQ(refused.kind(), ErrorKind::denied);
    EXPECT_THAT(refused.what(), HasSubstr("refuses the credentials"));
    EXPECT_EQ(refused.advice(), oci::Advice::log_in);
    EXPECT_EQ(refused.hint(), "registry.example");
  }
}

TEST(FetchToken, AnIdentityTokenThatHasExpiredIsDenied) {
  FakeTransport transport({answer(400, R"({"error":"invalid_grant"})")});
  EXPECT_EQ(failure_of(transport, &identity).kind(), ErrorKind::denied);
  EXPECT_EQ(failure_of(transport, &password).kind(), ErrorKind::failed);
}

TEST(FetchToken, TroubleOfTheServerIsUnavailable) {
  for (const int status : {408, 429, 500, 502, 503, 504}) {
    FakeTransport transport({answer(status)});
    EXPECT_EQ(failure_of(transport, &password).kind(), ErrorKind::unavailable) << status;
  }
  for (const int status : {302, 404, 418}) {
    FakeTransport transport({answer(status)});
    EXPECT_EQ(failure_of(transport, &password).kind(), ErrorKind::failed) << status;
  }
}

TEST(FetchToken, NoMessageRepeatsASecret) {
  const std::string echo = R"({"details":"s3cret 1d3nt/ty+ YW5uOnMzY3JldA=="})";
  for (const Credentials* credentials : {&password, &identity}) {
    for (const int status : {200, 400, 401, 403, 404, 500}) {
      FakeTransport transport({answer(status, echo)});
      const Error error = failure_of(transport, credentials);
      for (const char* secret : {"s3cret", "1d3nt", "YW5u"}) {
        EXPECT_THAT(error.what(), Not(HasSubstr(secret))) << status;
        EXPECT_THAT(error.hint(), Not(HasSubstr(secret))) << status;
      }
    }
  }
}

TEST(BasicAuthorization, RefusesAColonInTheUserName) {
  EXPECT_EQ(basic_authorization("ann", "a:b"), "Basic YW5uOmE6Yg==");
  EXPECT_THROW(basic_authorization("ann:x", "b"), Error);
}

enum class Network { internet, site };

struct RealmRow {
  const char* registry;
  Network network;
  const char* realm;
  const char* expected;  ///< the URL asked, or null for a refusal
};

void check(const RealmRow& row) {
  const Response challenged{.status = 401,
                            .url = Url::parse(row.registry),
                            .private_address = row.network == Network::site};
  try {
    const Hop hop = check_realm(challenged, row.realm);
    EXPECT_EQ(hop.url.str(), row.expected == nullptr ? "refused" : row.expected)
        << row.registry << " " << row.realm;
  } catch (const Error& error) {
    EXPECT_EQ(row.expected, nullptr) << row.registry << " " << row.realm << " " << error.what();
    EXPECT_TRUE(error.kind() == ErrorKind::refused || error.kind() == ErrorKind::corrupt);
  }
}

TEST(Realm, IsFollowedWhereCredentialsMayGo) {
  const RealmRow rows[] = {
      {"https://registry.example/v2/", Network::internet, "https://auth.example/token",
       "https://auth.example/token"},
      {"https://registry.example/v2/", Network::internet, "https://registry.example/token?a=b",
       "https://registry.example/token?a=b"},
      {"https://registry.example/v2/", Network::internet, "https://auth.example:8443/token",
       "https://auth.example:8443/token"},
      {"https://registry.example/v2/", Network::internet, "/token",
       "https://registry.example/token"},
      {"https://registry.example/v2/", Network::site, "https://10.0.0.1/token",
       "https://10.0.0.1/token"},
      {"https://10.0.0.2/v2/", Network::site, "https://10.0.0.1/token", "https://10.0.0.1/token"},
      {"http://localhost:5000/v2/", Network::site, "http://localhost:5001/token",
       "http://localhost:5001/token"},
      {"http://localhost:5000/v2/", Network::site, "http://127.0.0.1:5001/token",
       "http://127.0.0.1:5001/token"},
      {"http://plain.example:5000/v2/", Network::internet, "http://plain.example:5000/token",
       "http://plain.example:5000/token"},
      {"http://plain.example:5000/v2/", Network::internet, "https://auth.example/token",
       "https://auth.example/token"},
  };
  for (const RealmRow& row : rows) check(row);
}

TEST(Realm, IsRefusedWhereCredentialsMayNotGo) {
  const RealmRow rows[] = {
      {"https://registry.example/v2/", Network::internet, "http://auth.example/token", nullptr},
      {"https://registry.example/v2/", Network::internet, "http://registry.example/token", nullptr},
      {"https://registry.example/v2/", Network::site, "http://registry.example/token", nullptr},
      {"https://registry.example/v2/", Network::internet, "https://127.0.0.1/token", nullptr},
      {"https://registry.example/v2/", Network::internet, "https://localhost/token", nullptr},
      {"https://registry.example/v2/", Network::internet, "https://10.0.0.1/token", nullptr},
      {"https://registry.example/v2/", Network::internet, "https://192.168.1.1/token", nullptr},
      {"https://registry.example/v2/", Network::internet, "https://[fd00::1]/token", nullptr},
      {"https://registry.example/v2/", Network::internet, "https://169.254.169.254/t", nullptr},
      {"https://registry.example/v2/", Network::site, "https://169.254.169.254/t", nullptr},
      {"https://registry.example/v2/", Network::site, "https://[fe80::1]/token", nullptr},
      {"http://plain.example:5000/v2/", Network::internet, "http://auth.example/token", nullptr},
      {"http://plain.example:5000/v2/", Network::site, "http://localhost:5001/token", nullptr},
      {"http://localhost:5000/v2/", Network::site, "http://auth.example/token", nullptr},
      {"http://localhost:5000/v2/", Network::site, "http://localhost.evil.example/t", nullptr},
      {"https://registry.example/v2/", Network::internet, "file:///etc/passwd", nullptr},
      {"https://registry.example/v2/", Network::internet, "https://u:p@auth.example/", nullptr},
      {"https://registry.example/v2/", Network::internet, "https://auth.example/a b", nullptr},
      {"https://registry.example/v2/", Network::internet, "https://", nullptr},
      {"https://registry.example/v2/", Network::internet, "//10.0.0.1/token", nullptr},
  };
  for (const RealmRow& row : rows) check(row);
}

TEST(Realm, OnAnotherOriginStaysInTheRegistrysNetwork) {
  Response challenged{.status = 401, .url = Url::parse("https://registry.example/")};
  EXPECT_EQ(check_realm(challenged, "https://auth.example/").addresses, Addresses::only_public);
  EXPECT_EQ(check_realm(challenged, "https://registry.example/t").addresses, Addresses::any);
  challenged.private_address = true;
  EXPECT_EQ(check_realm(challenged, "https://auth.example/").addresses, Addresses::not_link_local);
}

}  // namespace
}  // namespace davit::transport
