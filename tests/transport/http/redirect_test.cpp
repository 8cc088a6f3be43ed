#include "transport/http/redirect.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "oci/base/error.hpp"
#include "tests/support/errors.hpp"
#include "tests/support/fake_transport.hpp"
#include "tests/support/scripted_server.hpp"
#include "transport/http/curl.hpp"

namespace davit::transport {
namespace {

using oci::ErrorKind;
using testing::ElementsAre;
using tests::answer;
using tests::FakeTransport;
using tests::kind_of;
using tests::scripted;
using tests::ScriptedServer;
using tests::SeenRequest;
using tests::SentRequest;

Request request_with_secrets(const Url& url) {
  Request request;
  request.url = url;
  request.headers = {{"Authorization", "Bearer abc"},    {"Cookie", "a=b"},
                     {"Proxy-Authorization", "Basic x"}, {"X-Amz-Security-Token", "def"},
                     {"X-Registry-Auth", "ghi"},         {"X-Whatever", "jkl"},
                     {"Accept", "text/plain"},           {"Range", "bytes=5-"}};
  return request;
}

Response redirect(int status, const std::string& location) {
  return answer(status, "", {{"Location", location}});
}

/// Says for every URL where it leads; what is not named is 200.
FakeTransport::Handler map_of(std::vector<std::pair<std::string, std::string>> map) {
  return [map = std::move(map)](const SentRequest& sent) {
    for (const auto& [from, to] : map) {
      if (sent.url == from) return redirect(307, to);
    }
    return answer(200, "end");
  };
}

std::vector<std::string> names(const Headers& headers) {
  std::vector<std::string> result;
  for (const auto& [name, value] : headers.fields()) result.push_back(name);
  return result;
}

TEST(Redirect, LeavesSecretsAtTheirOrigin) {
  ScriptedServer storage([](const SeenRequest&) { return scripted(200, "blob"); });
  ScriptedServer registry(
      {scripted(307, "", {{"Location", storage.url("/blob?X-Amz-Signature=s").str()}})});
  const auto curl = make_curl({});
  const Response response =
      make_redirect(*curl)->send({}, request_with_secrets(registry.url("/v2/blob")));
  EXPECT_EQ(response.body, "blob");
  EXPECT_EQ(response.url.str(), storage.url("/blob?X-Amz-Signature=s").str());
  const SeenRequest seen = storage.requests().at(0);
  EXPECT_EQ(seen.target, "/blob?X-Amz-Signature=s");
  EXPECT_THAT(names(seen.headers),
              testing::UnorderedElementsAre("Host", "User-Agent", "Accept", "Range"));
  EXPECT_EQ(registry.requests().at(0).headers.get("Authorization"), "Bearer abc");
}

TEST(Redirect, LeavesSecretsAtHomeWhenItComesBack) {
  std::string there;
  ScriptedServer other([&](const SeenRequest&) {
    return scripted(302, "", {{"Location", there}});
  });
  ScriptedServer registry([&](const SeenRequest& seen) {
    if (seen.target == "/back") return scripted(200, "end");
    return scripted(302, "", {{"Location", other.url("/there").str()}});
  });
  there = registry.url("/back").str();
  const auto curl = make_curl({});
  EXPECT_EQ(make_redirect(*curl)->send({}, request_with_secrets(registry.url("/"))).body, "end");
  EXPECT_THAT(names(registry.requests().at(1).headers),
              testing::UnorderedElementsAre("Host", "User-Agent", "Accept", "Range"));
}

TEST(Redirect, KeepsSecretsWithinTheirOrigin) {
  FakeTransport next(map_of({{"https://a.example/x", "y?z"}}));
  make_redirect(next)->send({}, request_with_secrets(Url::parse("https://a.example/x")));
  EXPECT_EQ(next.sent().at(1).url, "https://a.example/y?z");
  EXPECT_EQ(next.sent().at(1).authorization(), "Bearer abc");
}

TEST(Redirect, FollowsEveryRedirectOfARead) {
  for (const char* method : {"GET", "HEAD"}) {
    for (const int status : {301, 302, 303, 307, 308}) {
      FakeTransport next({redirect(status, "/y"), answer(200, "end")});
      Request request;
      request.method = method;
      request.url = Url::parse("https://a.example/x");
      EXPECT_EQ(make_redirect(next)->send({}, request).status, 200);
      EXPECT_EQ(next.sent().at(1).method, method);
    }
  }
}

TEST(Redirect, LeavesOtherAnswersAsTheyAre) {
  for (const int status : {200, 201, 300, 304, 305, 401}) {
    FakeTransport next({redirect(status, "/y")});
    Request request;
    request.url = Url::parse("https://a.example/x");
    EXPECT_EQ(make_redirect(next)->send({}, request).status, status);
    EXPECT_EQ(next.sent().size(), 1u);
  }
  FakeTransport without({answer(302)});
  Request request;
  request.url = Url::parse("https://a.example/x");
  EXPECT_EQ(make_redirect(without)->send({}, request).status, 302);
}

TEST(Redirect, RepeatsAChangeAtItsOwnOriginAlone) {
  Request request;
  request.method = "PUT";
  request.url = Url::parse("https://a.example/x");
  request.body = Body{.content = oci::content_of("body"), .size = 4};
  FakeTransport home({redirect(308, "/y"), answer(201)});
  EXPECT_EQ(make_redirect(home)->send({}, request).status, 201);
  EXPECT_EQ(home.sent().at(1).method, "PUT");
  EXPECT_EQ(home.sent().at(1).body, "body");
  FakeTransport elsewhere({redirect(307, "https://b.example/y"), answer(201)});
  EXPECT_EQ(make_redirect(elsewhere)->send({}, request).status, 307);
  EXPECT_EQ(elsewhere.sent().size(), 1u);
  FakeTransport see_other({redirect(303, "/y"), answer(200)});
  EXPECT_EQ(make_redirect(see_other)->send({}, request).status, 303);
}

TEST(Redirect, EndsLoops) {
  FakeTransport next(map_of({{"https://a.example/x", "/y"}, {"https://a.example/y", "/x"}}));
  Request request;
  request.url = Url::parse("https://a.example/x");
  EXPECT_EQ(kind_of([&] { make_redirect(next)->send({}, request); }), ErrorKind::failed);
  EXPECT_EQ(next.sent().size(), 11u);
}

TEST(Redirect, NeverLeadsFromHttpsToHttp) {
  FakeTransport next(map_of({{"https://a.example/x", "http://b.example/y"}}));
  Request request;
  request.url = Url::parse("https://a.example/x");
  EXPECT_EQ(kind_of([&] { make_redirect(next)->send({}, request); }), ErrorKind::refused);
  EXPECT_EQ(next.sent().size(), 1u);
}

TEST(Redirect, RefusesALocationThatIsNoUrl) {
  FakeTransport next({redirect(302, "https://user:word@b.example/")});
  Request request;
  request.url = Url::parse("https://a.example/x");
  EXPECT_EQ(kind_of([&] { make_redirect(next)->send({}, request); }), ErrorKind::corrupt);
}

TEST(Redirect, MakesAddressRulesOnlyStricterOnTheWay) {
  FakeTransport next([](const SentRequest& sent) {
    Response response = answer(200);
    if (sent.url == "https://a.corp/") response = redirect(302, "https://b.example/1");
    if (sent.url == "https://b.example/1") response = redirect(302, "/2");
    if (sent.url == "https://b.example/2") response = redirect(302, "https://c.corp/");
    if (sent.url == "https://c.corp/") response = redirect(302, "https://a.corp/end");
    response.private_address = sent.url.find(".corp") != std::string::npos;
    return response;
  });
  Request request;
  request.url = Url::parse("https://a.corp/");
  make_redirect(next)->send({}, request);
  std::vector<Addresses> rules;
  for (const SentRequest& sent : next.sent()) rules.push_back(sent.addresses);
  EXPECT_THAT(rules,
              ElementsAre(Addresses::any, Addresses::not_link_local, Addresses::not_link_local,
                          Addresses::only_public, Addresses::any));
}

TEST(Redirect, DoesNotReachThisMachineForAPublicServer) {
  ScriptedServer local([](const SeenRequest&) { return scripted(200, "secret"); });
  FakeTransport next([&](const SentRequest&) { return redirect(302, local.url().str()); });
  Request request;
  request.url = Url::parse("http://a.example/x");
  EXPECT_EQ(kind_of([&] { make_redirect(next)->send({}, request); }), ErrorKind::refused);
  EXPECT_EQ(local.connections(), 0);
}

TEST(Redirect, PutsOnlyTheLastAnswerIntoTheSink) {
  ScriptedServer server([](const SeenRequest& seen) {
    if (seen.target == "/y") return scripted(200, "blob");
    return scripted(302, "Moved here", {{"Location", "/y"}});
  });
  const auto curl = make_curl({});
  oci::StringSink sink(100, "blob");
  Request request;
  request.url = server.url("/x");
  Into into(sink);
  make_redirect(*curl)->send({}, request, &into);
  EXPECT_EQ(sink.text(), "blob");
}

}  // namespace
}  // namespace davit::transport
