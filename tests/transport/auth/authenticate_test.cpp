#include "transport/auth/authenticate.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <latch>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

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
using tests::SentRequest;

constexpr const char* host = "https://registry.example";
const std::string pull = "repository:a:pull";
const std::string push = "repository:a:pull,push";
/// base64 of "ann:s3cret" and of "ann:n3w"
const std::string basic = "Basic YW5uOnMzY3JldA==";
const std::string new_basic = "Basic YW5uOm4zdw==";

Headers bearer_challenge(const std::string& scope = {},
                         const std::string& realm = "https://auth.example/token") {
  return {
      {"WWW-Authenticate", fmt::format(R"(Bearer realm="{}",service="svc"{})", realm,
                                       scope.empty() ? "" : fmt::format(R"(,scope="{}")", scope))}};
}

const Headers basic_challenge{{"WWW-Authenticate", R"(Basic realm="r")"}};

Request get(const std::string& path, std::vector<std::string> scopes = {}) {
  return {.url = Url::parse(host + path), .scopes = std::move(scopes)};
}

/// A source whose answer the test changes, and that counts how often it was asked.
struct Source final : CredentialSource {
  std::optional<Credentials> find(const oci::Call&, std::string_view registry,
                                  std::string_view) override {
    ++asked;
    EXPECT_EQ(registry, "registry.example");
    return credentials;
  }
  void forget(const oci::Call&, std::string_view registry, const Credentials& refused) override {
    EXPECT_EQ(registry, "registry.example");
    forgotten.push_back(refused.password);
    if (renewed) credentials = renewed;
  }
  std::optional<Credentials> credentials;
  std::optional<Credentials> renewed;
  std::vector<std::string> forgotten;
  std::atomic<int> asked = 0;
};

/// A registry that accepts the Authorization values in `good` and a token server that numbers its
/// tokens; what it does beyond that, a test says.
struct AuthenticateTest : testing::Test {
  Response registry_answer(const SentRequest& request) {
    return good.contains(request.authorization()) ? answer(200, "content")
                                                  : answer(401, "{}", challenge);
  }
  Response token_answer(const SentRequest&) {
    const std::string token = fmt::format("token{}", ++tokens);
    good["Bearer " + token] = true;
    return answer(200, fmt::format(R"({{"token":"{}","expires_in":300}})", token));
  }

  void accept_password() {
    source.credentials = Credentials{.username = "ann", .password = "s3cret"};
    good[basic] = true;
  }

  Error failure_of(const Request& request) {
    try {
      authenticate->send({}, request);
    } catch (const Error& error) {
      return error;
    }
    ADD_FAILURE() << "nothing was thrown";
    return Error(ErrorKind::failed, "");
  }

  std::chrono::steady_clock::time_point now{};
  Headers challenge = bearer_challenge();
  std::map<std::string, bool> good;
  int tokens = 0;
  Source source;
  FakeTransport registry{[this](const SentRequest& request) { return registry_answer(request); }};
  FakeTransport token_server{[this](const SentRequest& request) { return token_answer(request); }};
  std::unique_ptr<Transport> authenticate = make_authenticate(
      registry, token_server, source,
      {.origin = Url::parse(host).origin, .name = "registry.example"}, [this] { return now; });
};

TEST_F(AuthenticateTest, APublicRegistryIsAskedWithoutCredentials) {
  accept_password();
  good[""] = true;
  EXPECT_EQ(authenticate->send({}, get("/v2/")).status, 200);
  EXPECT_EQ(registry.sent().size(), 1u);
  EXPECT_EQ(source.asked, 0);
}

TEST_F(AuthenticateTest, APasswordIsSentAfterABasicChallengeAndAtOnceFromThenOn) {
  accept_password();
  challenge = basic_challenge;
  EXPECT_EQ(authenticate->send({}, get("/v2/")).status, 200);
  EXPECT_EQ(authenticate->send({}, get("/v2/a/tags/list", {pull})).status, 200);
  EXPECT_EQ(authenticate->send({}, get("/v2/_catalog")).status, 200);
  const auto sent = registry.sent();
  ASSERT_EQ(sent.size(), 4u);
  EXPECT_EQ(sent[0].authorization(), "");
  for (int i = 1; i < 4; ++i) EXPECT_EQ(sent[i].authorization(), basic);
  EXPECT_EQ(source.asked, 1);
}

TEST_F(AuthenticateTest, APasswordLearntWithScopesServesRequestsWithout) {
  accept_password();
  challenge = basic_challenge;
  authenticate->send({}, get("/v2/a/tags/list", {pull}));
  authenticate->send({}, get("/v2/"));
  EXPECT_EQ(registry.sent().size(), 3u);
}

TEST_F(AuthenticateTest, ATokenIsFetchedForTheScopesOfTheRequest) {
  challenge = bearer_challenge("repository:other:pull");
  EXPECT_EQ(authenticate->send({}, get("/v2/a/manifests/x", {pull})).body, "content");
  EXPECT_EQ(registry.sent().at(1).authorization(), "Bearer token1");
  EXPECT_EQ(token_server.sent().at(0).url,
            "https://auth.example/token?service=svc&scope=repository%3Aa%3Apull");
}

TEST_F(AuthenticateTest, ATokenIsFetchedForTheScopeOfTheChallengeIfTheRequestHasNone) {
  challenge = bearer_challenge("registry:catalog:*");
  authenticate->send({}, get("/v2/_catalog"));
  authenticate->send({}, get("/v2/_catalog?n=2"));
  EXPECT_EQ(token_server.sent().size(), 1u);
  EXPECT_EQ(token_server.sent().at(0).url,
            "https://auth.example/token?service=svc&scope=registry%3Acatalog%3A%2A");
  EXPECT_EQ(registry.sent().size(), 3u);
}

TEST_F(AuthenticateTest, TheTokenServerIsAskedWithThePassword) {
  accept_password();
  authenticate->send({}, get("/v2/", {pull}));
  EXPECT_EQ(token_server.sent().at(0).authorization(), basic);
  for (const SentRequest& sent : registry.sent()) EXPECT_NE(sent.authorization(), basic);
}

TEST_F(AuthenticateTest, TheTokenServerIsAskedAnonymouslyWithoutCredentials) {
  EXPECT_EQ(authenticate->send({}, get("/v2/", {pull})).status, 200);
  EXPECT_EQ(token_server.sent().at(0).authorization(), "");
}

TEST_F(AuthenticateTest, BearerGoesBeforeBasic) {
  accept_password();
  challenge = basic_challenge;
  challenge.add("WWW-Authenticate", R"(Bearer realm="https://auth.example/token")");
  authenticate->send({}, get("/v2/"));
  EXPECT_EQ(registry.sent().at(1).authorization(), "Bearer token1");
}

TEST_F(AuthenticateTest, ATokenServesLaterRequestsThatItCovers) {
  authenticate->send({}, get("/v2/a/blobs/uploads/", {push}));
  authenticate->send({}, get("/v2/a/blobs/x", {pull}));
  EXPECT_EQ(token_server.sent().size(), 1u);
  EXPECT_EQ(registry.sent().size(), 3u);
}

TEST_F(AuthenticateTest, ATokenForMoreIsFetchedBeforeTheRequestIsSent) {
  authenticate->send({}, get("/v2/a/blobs/x", {pull}));
  authenticate->send({}, get("/v2/a/blobs/uploads/", {push}));
  EXPECT_EQ(token_server.sent().size(), 2u);
  EXPECT_EQ(registry.sent().size(), 3u);
  EXPECT_EQ(registry.sent().back().authorization(), "Bearer token2");
}

TEST_F(AuthenticateTest, ATokenIsRenewedBeforeItExpires) {
  authenticate->send({}, get("/v2/", {pull}));
  now += seconds(269);
  authenticate->send({}, get("/v2/", {pull}));
  EXPECT_EQ(token_server.sent().size(), 1u);
  now += seconds(1);
  authenticate->send({}, get("/v2/", {pull}));
  EXPECT_EQ(token_server.sent().size(), 2u);
  EXPECT_EQ(registry.sent().size(), 4u) << "no request was refused for it";
}

TEST_F(AuthenticateTest, ATokenIsRenewedOnceWhenItIsRefused) {
  authenticate->send({}, get("/v2/", {pull}));
  good.clear();
  EXPECT_EQ(authenticate->send({}, get("/v2/", {pull})).status, 200);
  EXPECT_EQ(registry.sent().back().authorization(), "Bearer token2");
}

TEST_F(AuthenticateTest, ARefusalWithoutAChallengeRenewsWhatWasLearntBefore) {
  authenticate->send({}, get("/v2/", {pull}));
  good.clear();
  challenge = {};
  EXPECT_EQ(authenticate->send({}, get("/v2/", {pull})).status, 200);
  EXPECT_EQ(token_server.sent().size(), 2u);
}

TEST_F(AuthenticateTest, ARefusalWithoutAnyChallengeIsTheAnswer) {
  challenge = {};
  EXPECT_EQ(authenticate->send({}, get("/v2/")).status, 401);
  EXPECT_EQ(registry.sent().size(), 1u);
}

TEST_F(AuthenticateTest, ASecondRefusalIsTheAnswer) {
  accept_password();
  FakeTransport refusing({answer(401, "no", bearer_challenge())});
  const auto transport = make_authenticate(refusing, token_server, source,
                                           {Url::parse(host).origin, "registry.example"});
  EXPECT_EQ(transport->send({}, get("/v2/", {push})).body, "no");
  EXPECT_EQ(refusing.sent().size(), 2u);
}

TEST_F(AuthenticateTest, APasswordThatIsRefusedIsTheAnswerAndIsNotSentTwice) {
  source.credentials = Credentials{.username = "ann", .password = "wrong"};
  challenge = basic_challenge;
  EXPECT_EQ(authenticate->send({}, get("/v2/")).status, 401);
  EXPECT_EQ(registry.sent().size(), 2u);
}

TEST_F(AuthenticateTest, APasswordThatTheSourceHasRenewedIsTried) {
  accept_password();
  challenge = basic_challenge;
  authenticate->send({}, get("/v2/"));
  good = {{new_basic, true}};
  source.credentials->password = "n3w";
  EXPECT_EQ(authenticate->send({}, get("/v2/")).status, 200);
  EXPECT_EQ(registry.sent().back().authorization(), new_basic);
}

TEST_F(AuthenticateTest, TheTokenServerIsGivenAPasswordThatTheSourceHasRenewed) {
  accept_password();
  FakeTransport expiring([&](const SentRequest& request) {
    const bool first = tokens == 0;
    return request.authorization() == (first ? basic : new_basic) ? token_answer(request)
                                                                  : answer(401);
  });
  authenticate =
      make_authenticate(registry, expiring, source, {Url::parse(host).origin, "registry.example"},
                        [this] { return now; });
  authenticate->send({}, get("/v2/", {pull}));
  now += seconds(3600);
  source.credentials->password = "n3w";
  EXPECT_EQ(authenticate->send({}, get("/v2/", {pull})).status, 200);
  EXPECT_EQ(expiring.sent().size(), 3u);
}

TEST_F(AuthenticateTest, TextsOfECRThatSayExpiredCountAsARefusal) {
  struct Row {
    int status;
    const char* body;
    bool retried;
  };
  const Row rows[] = {
      {403,
       R"({"errors":[{"code":"DENIED","message":"Your authorization token has expired. )"
       R"(Reauthenticate and try again."}]})",
       true},
      {403, R"({"errors":[{"message":"Your Authorization Token has expired. Please run"}]})", true},
      {400, R"({"errors":[{"code":"DENIED","message":"Your Authorization Token is invalid."}]})",
       true},
      {403, R"({"errors":[{"code":"DENIED","message":"not authorized to perform: ecr:X"}]})",
       false},
      {400, R"({"errors":[{"code":"MANIFEST_INVALID"}]})", false},
      {404, "token has expired", false},
      {500, "token has expired", false},
  };
  for (const Row& row : rows) {
    source.credentials = Credentials{.username = "ann", .password = "s3cret"};
    FakeTransport expiring({answer(401, "", basic_challenge), answer(200),
                            answer(row.status, row.body), answer(200, "content")});
    const auto transport = make_authenticate(expiring, token_server, source,
                                             {Url::parse(host).origin, "registry.example"});
    transport->send({}, get("/v2/"));
    source.credentials->password = "n3w";
    const Response response = transport->send({}, get("/v2/"));
    EXPECT_EQ(response.status, row.retried ? 200 : row.status) << row.body;
    EXPECT_EQ(expiring.sent().size(), row.retried ? 4u : 3u) << row.body;
    EXPECT_EQ(expiring.sent().back().authorization(), row.retried ? new_basic : basic);
  }
}

TEST_F(AuthenticateTest, ATokenThatECRPublicCallsInvalidIsRenewed) {
  FakeTransport expiring({answer(401, "", bearer_challenge("aws")), answer(200),
                          answer(400, "Your Authorization Token is invalid."), answer(200)});
  const auto transport = make_authenticate(expiring, token_server, source,
                                           {Url::parse(host).origin, "registry.example"});
  transport->send({}, get("/v2/x", {pull}));
  EXPECT_EQ(transport->send({}, get("/v2/x", {pull})).status, 200);
  EXPECT_EQ(expiring.sent().back().authorization(), "Bearer token2");
}

TEST_F(AuthenticateTest, AnExpiredTextIsAnsweredOnceOnly) {
  accept_password();
  FakeTransport expiring({answer(401, "", bearer_challenge()), answer(403, "token has expired")});
  const auto transport = make_authenticate(expiring, token_server, source,
                                           {Url::parse(host).origin, "registry.example"});
  transport->send({}, get("/v2/", {pull}));
  EXPECT_EQ(transport->send({}, get("/v2/", {pull})).status, 403);
  EXPECT_EQ(expiring.sent().size(), 4u);
}

TEST_F(AuthenticateTest, ASourceForgetsWhatIsRefusedAndGivesAnother) {
  for (const int status : {401, 403}) {
    source.credentials = Credentials{.username = "ann", .password = "s3cret"};
    source.renewed = Credentials{.username = "ann", .password = "n3w"};
    source.forgotten.clear();
    const Response refusal = answer(status, "Not Authorized", basic_challenge);
    FakeTransport refusing({answer(401, "", basic_challenge), refusal, answer(200)});
    const auto transport = make_authenticate(refusing, token_server, source,
                                             {Url::parse(host).origin, "registry.example"});
    EXPECT_EQ(transport->send({}, get("/v2/")).status, 200);
    EXPECT_EQ(source.forgotten, std::vector<std::string>{"s3cret"});
    EXPECT_EQ(refusing.sent().back().authorization(), new_basic);
  }
}

TEST_F(AuthenticateTest, AForbiddenHeadMayMeanAnExpiredPassword) {
  source.credentials = Credentials{.username = "ann", .password = "s3cret"};
  FakeTransport expiring(
      {answer(401, "", basic_challenge), answer(200), answer(403), answer(200), answer(403)});
  const auto transport = make_authenticate(expiring, token_server, source,
                                           {Url::parse(host).origin, "registry.example"});
  Request head = get("/v2/a/blobs/x");
  head.method = "HEAD";
  transport->send({}, head);
  source.credentials->password = "n3w";
  EXPECT_EQ(transport->send({}, head).status, 200);
  EXPECT_EQ(transport->send({}, head).status, 403) << "the source has nothing newer";
  EXPECT_EQ(expiring.sent().size(), 5u);
}

TEST_F(AuthenticateTest, ARegistryTokenIsUsedAsItIs) {
  source.credentials = Credentials{.registry_token = "ready"};
  good["Bearer ready"] = true;
  EXPECT_EQ(authenticate->send({}, get("/v2/", {pull})).status, 200);
  EXPECT_EQ(authenticate->send({}, get("/v2/", {push})).status, 200);
  EXPECT_TRUE(token_server.sent().empty());
}

TEST_F(AuthenticateTest, ARegistryTokenThatIsRefusedIsTheAnswer) {
  source.credentials = Credentials{.registry_token = "stale"};
  EXPECT_EQ(authenticate->send({}, get("/v2/", {pull})).status, 401);
  EXPECT_EQ(authenticate->send({}, get("/v2/", {pull})).status, 401);
  EXPECT_TRUE(token_server.sent().empty());
}

TEST_F(AuthenticateTest, ARegistryTokenWithALineBreakIsNotSent) {
  source.credentials = Credentials{.registry_token = "s3cret\r\nX-Evil: 1"};
  const Error error = failure_of(get("/v2/", {pull}));
  EXPECT_EQ(error.kind(), ErrorKind::corrupt);
  EXPECT_THAT(error.what(), Not(HasSubstr("s3cret")));
}

TEST_F(AuthenticateTest, BasicWithoutCredentialsIsDeniedWithAHint) {
  challenge = basic_challenge;
  const Error error = failure_of(get("/v2/"));
  EXPECT_EQ(error.kind(), ErrorKind::denied);
  EXPECT_THAT(error.what(), HasSubstr("registry.example asks for a user name and password"));
  EXPECT_EQ(error.advice(), oci::Advice::log_in);
  EXPECT_EQ(error.hint(), "registry.example");
}

TEST_F(AuthenticateTest, BasicWithATokenAloneIsDenied) {
  challenge = basic_challenge;
  source.credentials = Credentials{.identity_token = "1d3nt"};
  const Error error = failure_of(get("/v2/"));
  EXPECT_EQ(error.kind(), ErrorKind::denied);
  EXPECT_THAT(error.what(), Not(HasSubstr("1d3nt")));
}

TEST_F(AuthenticateTest, AnAnonymousTokenThatIsNotEnoughIsDeniedWithAHint) {
  FakeTransport refusing({answer(401, "", bearer_challenge())});
  authenticate = make_authenticate(refusing, token_server, source,
                                   {Url::parse(host).origin, "registry.example"});
  const Error error = failure_of(get("/v2/", {push}));
  EXPECT_EQ(error.kind(), ErrorKind::denied);
  EXPECT_THAT(error.what(), HasSubstr("asks for credentials for repository:a:pull,push"));
  EXPECT_EQ(error.advice(), oci::Advice::log_in);
  EXPECT_EQ(error.hint(), "registry.example");
}

TEST_F(AuthenticateTest, ATokenServerThatRefusesIsDenied) {
  accept_password();
  FakeTransport refusing({answer(401, R"({"details":"s3cret"})")});
  authenticate =
      make_authenticate(registry, refusing, source, {Url::parse(host).origin, "registry.example"});
  const Error error = failure_of(get("/v2/", {push}));
  EXPECT_EQ(error.kind(), ErrorKind::denied);
  EXPECT_EQ(error.advice(), oci::Advice::log_in);
  EXPECT_EQ(error.hint(), "registry.example");
  EXPECT_THAT(error.what(), Not(HasSubstr("s3cret")));
}

TEST_F(AuthenticateTest, PublicPartsAreReadWithoutCredentialsAfterADenial) {
  challenge = basic_challenge;
  EXPECT_EQ(failure_of(get("/v2/private")).kind(), ErrorKind::denied);
  good[""] = true;
  EXPECT_EQ(authenticate->send({}, get("/v2/public")).status, 200);
}

TEST_F(AuthenticateTest, AnUnknownSchemeIsDeniedByItsName) {
  challenge = {{"WWW-Authenticate", "Negotiate, Digest realm=\"x\""}};
  const Error error = failure_of(get("/v2/"));
  EXPECT_EQ(error.kind(), ErrorKind::denied);
  EXPECT_THAT(error.what(), HasSubstr("'negotiate'"));
}

TEST_F(AuthenticateTest, ARealmWithoutTheRightToBeAskedGetsNothing) {
  accept_password();
  for (const char* realm :
       {"http://auth.example/token", "http://registry.example/token", "https://127.0.0.1/token",
        "https://169.254.169.254/latest", "https://10.1.2.3/", "ftp://auth.example/"}) {
    challenge = bearer_challenge("", realm);
    const Error error = failure_of(get("/v2/", {pull}));
    EXPECT_TRUE(error.kind() == ErrorKind::refused || error.kind() == ErrorKind::corrupt) << realm;
  }
  EXPECT_TRUE(token_server.sent().empty());
  for (const SentRequest& sent : registry.sent()) EXPECT_EQ(sent.authorization(), "");
}

TEST_F(AuthenticateTest, ARealmOfAPublicRegistryIsAskedAtPublicAddressesAlone) {
  authenticate->send({}, get("/v2/", {pull}));
  EXPECT_EQ(token_server.sent().at(0).addresses, Addresses::only_public);
}

TEST_F(AuthenticateTest, ANewRealmReplacesTheOldOne) {
  authenticate->send({}, get("/v2/", {pull}));
  good.clear();
  challenge = bearer_challenge("", "https://new.example/token");
  EXPECT_EQ(authenticate->send({}, get("/v2/", {pull})).status, 200);
  EXPECT_THAT(token_server.sent().back().url, HasSubstr("https://new.example/token?"));
}

TEST_F(AuthenticateTest, ARegistryMayChangeFromPasswordsToTokens) {
  accept_password();
  challenge = basic_challenge;
  authenticate->send({}, get("/v2/"));
  good.clear();
  challenge = bearer_challenge();
  EXPECT_EQ(authenticate->send({}, get("/v2/", {pull})).status, 200);
  EXPECT_EQ(registry.sent().back().authorization(), "Bearer token1");
}

TEST_F(AuthenticateTest, RequestsToOtherOriginsPassUntouched) {
  accept_password();
  challenge = basic_challenge;
  authenticate->send({}, get("/v2/"));
  for (const char* url : {"https://other.example/", "http://registry.example/",
                          "https://registry.example:8443/", "https://registry.example.evil/"}) {
    EXPECT_EQ(authenticate->send({}, {.url = Url::parse(url)}).status, 401) << url;
    EXPECT_EQ(registry.sent().back().authorization(), "") << url;
  }
}

TEST_F(AuthenticateTest, AChallengeOfAnotherOriginIsNotAnswered) {
  accept_password();
  for (const char* url : {"https://storage.example/blob", "https://registry.example:8443/blob",
                          "http://registry.example/blob"}) {
    Response redirected = answer(401, "from elsewhere", basic_challenge);
    redirected.url = Url::parse(url);
    FakeTransport redirecting({redirected});
    const auto transport = make_authenticate(redirecting, token_server, source,
                                             {Url::parse(host).origin, "registry.example"});
    EXPECT_EQ(transport->send({}, get("/v2/a/blobs/x", {pull})).body, "from elsewhere");
    EXPECT_EQ(redirecting.sent().size(), 1u);
  }
  EXPECT_EQ(source.asked, 0);
}

TEST_F(AuthenticateTest, AnExpiredTextOfAnotherOriginIsNotAnswered) {
  accept_password();
  challenge = basic_challenge;
  Response elsewhere = answer(403, "token has expired");
  elsewhere.url = Url::parse("https://storage.example/blob");
  FakeTransport redirecting({answer(401, "", basic_challenge), answer(200), elsewhere});
  const auto transport = make_authenticate(redirecting, token_server, source,
                                           {Url::parse(host).origin, "registry.example"});
  transport->send({}, get("/v2/"));
  source.credentials->password = "n3w";
  EXPECT_EQ(transport->send({}, get("/v2/a/blobs/x")).status, 403);
  EXPECT_EQ(redirecting.sent().size(), 3u);
}

TEST_F(AuthenticateTest, ABodyIsSentAgainWholeAfterAChallenge) {
  Request post = get("/v2/a/blobs/uploads/", {push});
  post.method = "POST";
  post.body = Body{oci::content_of("the body"), 8};
  EXPECT_EQ(authenticate->send({}, post).status, 200);
  ASSERT_EQ(registry.sent().size(), 2u);
  EXPECT_EQ(registry.sent().at(1).body, "the body");
}

TEST_F(AuthenticateTest, TheSinkTakesTheAnswerAndNotTheRefusal) {
  oci::StringSink sink(100, "test");
  Into into(sink);
  authenticate->send({}, get("/v2/a/blobs/x", {pull}), &into);
  EXPECT_EQ(sink.text(), "content");
}

TEST_F(AuthenticateTest, AFailureOfTheCredentialSourcePassesThrough) {
  struct Failing final : CredentialSource {
    std::optional<Credentials> find(const oci::Call&, std::string_view, std::string_view) override {
      throw Error(ErrorKind::failed, "docker-credential-x get: broken");
    }
    void forget(const oci::Call&, std::string_view, const Credentials&) override {}
  } failing;
  authenticate = make_authenticate(registry, token_server, failing,
                                   {Url::parse(host).origin, "registry.example"});
  EXPECT_STREQ(failure_of(get("/v2/", {pull})).what(), "docker-credential-x get: broken");
}

TEST_F(AuthenticateTest, TheSourceIsAskedForTheRepository) {
  struct ByRepository final : CredentialSource {
    std::optional<Credentials> find(const oci::Call&, std::string_view,
                                    std::string_view repository) override {
      EXPECT_EQ(repository, "team/app");
      return Credentials{.username = "ann", .password = "s3cret"};
    }
    void forget(const oci::Call&, std::string_view, const Credentials&) override {}
  } by_repository;
  accept_password();
  challenge = basic_challenge;
  const auto transport =
      make_authenticate(registry, token_server, by_repository,
                        {Url::parse(host).origin, "registry.example", "team/app"});
  EXPECT_EQ(transport->send({}, get("/v2/team/app/tags/list")).status, 200);
}

/// A registry that takes one token at a time, and a token server that gives it. Refusals wait for
/// each other: all threads are refused before the first can do something about it.
struct SharedRegistry {
  void revoke_and_await(int refused_threads) {
    ++generation;
    refusals.emplace(refused_threads);
  }
  std::string valid() const { return fmt::format("token{}", generation.load()); }

  std::atomic<int> generation = 0;
  std::optional<std::latch> refusals;
  Source source;
  FakeTransport registry{[this](const SentRequest& request) {
    if (request.authorization() == "Bearer " + valid()) return answer(200);
    refusals->arrive_and_wait();
    return answer(401, "", bearer_challenge());
  }};
  FakeTransport token_server{[this](const SentRequest&) {
    return answer(200, fmt::format(R"({{"token":"{}"}})", valid()));
  }};
  std::unique_ptr<Transport> authenticate = make_authenticate(
      registry, token_server, source, {Url::parse(host).origin, "registry.example"});
};

void send_from_many_threads(Transport& transport, int threads) {
  std::vector<std::jthread> running;
  for (int i = 0; i < threads; ++i) {
    running.emplace_back(
        [&] { EXPECT_EQ(transport.send({}, get("/v2/a/blobs/x", {pull})).status, 200); });
  }
}

TEST(Authenticate, ManyThreadsThatAreChallengedFetchOneToken) {
  SharedRegistry shared;
  shared.revoke_and_await(16);
  send_from_many_threads(*shared.authenticate, 16);
  EXPECT_EQ(shared.token_server.sent().size(), 1u);
  EXPECT_EQ(shared.registry.sent().size(), 32u);
  EXPECT_EQ(shared.source.asked, 1);
}

TEST(Authenticate, ManyThreadsWhoseTokenIsRefusedFetchOneToken) {
  SharedRegistry shared;
  shared.revoke_and_await(1);
  shared.authenticate->send({}, get("/v2/", {pull}));
  shared.revoke_and_await(16);
  send_from_many_threads(*shared.authenticate, 16);
  EXPECT_EQ(shared.token_server.sent().size(), 2u);
}

}  // namespace
}  // namespace davit::transport
