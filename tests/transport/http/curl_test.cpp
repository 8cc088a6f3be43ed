#include "transport/http/curl.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "oci/base/error.hpp"
#include "tests/support/errors.hpp"
#include "tests/support/scripted_server.hpp"

namespace davit::transport {
namespace {

using namespace std::chrono_literals;
using oci::ErrorKind;
using testing::HasSubstr;
using tests::error_of;
using tests::kind_of;
using tests::scripted;
using tests::ScriptedAnswer;
using tests::ScriptedServer;
using tests::SeenRequest;

Request get(const Url& url) {
  Request request;
  request.url = url;
  return request;
}

TEST(Curl, BringsStatusHeadersAndBody) {
  ScriptedServer server({scripted(200, "hello", {{"X-One", "1"}, {"X-Two", " a: b "}})});
  const Response response = make_curl({})->send({}, get(server.url("/v2/?n=1")));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.headers.get("x-one"), "1");
  EXPECT_EQ(response.headers.get("X-TWO"), "a: b");
  EXPECT_EQ(response.body, "hello");
  EXPECT_EQ(response.url.str(), server.url("/v2/?n=1").str());
  EXPECT_TRUE(response.private_address);
}

TEST(Curl, SendsTheRequestAsItIs) {
  ScriptedServer server({scripted(200)});
  Request request = get(server.url("/v2/a%2Fb/../c?x=%20"));
  request.headers = {{"Accept", "a/b"}, {"X-Empty", ""}, {"Authorization", "Bearer abc"}};
  make_curl({})->send({}, request);
  const SeenRequest seen = server.requests().at(0);
  EXPECT_EQ(seen.method, "GET");
  EXPECT_EQ(seen.target, "/v2/a%2Fb/../c?x=%20");
  EXPECT_EQ(seen.headers.get("Host"), fmt::format("127.0.0.1:{}", server.port()));
  EXPECT_EQ(seen.headers.get("Accept"), "a/b");
  EXPECT_EQ(seen.headers.get("X-Empty"), "");
  EXPECT_EQ(seen.headers.get("Authorization"), "Bearer abc");
  EXPECT_THAT(seen.headers.get("User-Agent").value_or(""), testing::StartsWith("davit/"));
  EXPECT_FALSE(seen.headers.get("Expect"));
  EXPECT_FALSE(seen.headers.get("Cookie"));
}

TEST(Curl, StreamsASuccessIntoTheSink) {
  const std::string body(3'000'000, 'x');
  ScriptedServer server({scripted(200, body)});
  oci::StringSink sink(body.size(), "body");
  Into into(sink);
  const Response response = make_curl({})->send({}, get(server.url()), &into);
  EXPECT_EQ(sink.text(), body);
  EXPECT_EQ(response.body, "");
}

TEST(Curl, KeepsAFailuresBodyFromTheSink) {
  ScriptedServer server({scripted(404, "not here")});
  oci::StringSink sink(100, "body");
  Into into(sink);
  const Response response = make_curl({})->send({}, get(server.url()), &into);
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.body, "not here");
  EXPECT_EQ(sink.text(), "");
}

/// Remembers what it is told, and takes bodies as far as it was told to.
struct Remembering final : Receiver {
  explicit Remembering(bool wanted) : wants(wanted) {}
  bool begin(const Response& response) override {
    events.push_back(response.headers.get("Content-Range").value_or(""));
    return wants;
  }
  void write(oci::Bytes bytes) override { events.emplace_back(oci::text_of(bytes)); }

  const bool wants;
  std::vector<std::string> events;
};

TEST(Curl, SaysThatASuccessBeginsBeforeItsBody) {
  ScriptedServer server(
      {scripted(206, "xyz", {{"Content-Range", "bytes 0-2/3"}}), scripted(404, "no")});
  Remembering receiver(true);
  const auto curl = make_curl({});
  EXPECT_FALSE(curl->send({}, get(server.url()), &receiver).declined);
  curl->send({}, get(server.url()), &receiver);
  EXPECT_THAT(receiver.events, testing::ElementsAre("bytes 0-2/3", "xyz"));
}

TEST(Curl, EndsAnAnswerThatIsDeclined) {
  const std::string endless(10'000'000, 'x');
  ScriptedServer server({scripted(200, endless)});
  Remembering receiver(false);
  const Response response = make_curl({})->send({}, get(server.url()), &receiver);
  EXPECT_TRUE(response.declined);
  EXPECT_EQ(response.status, 200);
  EXPECT_THAT(receiver.events, testing::ElementsAre(""));
}

TEST(Curl, AsksForHeadersAlone) {
  ScriptedServer server({{.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"}, scripted(200)});
  Request request = get(server.url());
  request.method = "HEAD";
  const auto curl = make_curl({});
  const Response response = curl->send({}, request);
  EXPECT_EQ(response.headers.get("Content-Length"), "5");
  EXPECT_EQ(response.body, "");
  curl->send({}, request);
  EXPECT_EQ(server.connections(), 1);
}

TEST(Curl, TakesTheFinalAnswerAfterInterimOnes) {
  ScriptedServer server(
      {{.bytes = "HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" + scripted(200, "ok").bytes}});
  const Response response = make_curl({})->send({}, get(server.url()));
  EXPECT_EQ(response.status, 200);
  EXPECT_FALSE(response.headers.get("Link"));
}

TEST(Curl, ReadsChunkedBodiesAndDropsTheirTrailers) {
  ScriptedServer server({{.bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                   "3\r\nabc\r\n2\r\nde\r\n0\r\nETag: \"late\"\r\n\r\n"}});
  const Response response = make_curl({})->send({}, get(server.url()));
  EXPECT_EQ(response.body, "abcde");
  EXPECT_FALSE(response.headers.get("ETag"));
}

TEST(Curl, DoesNotFollowRedirects) {
  ScriptedServer server({scripted(302, "", {{"Location", "/elsewhere"}})});
  EXPECT_EQ(make_curl({})->send({}, get(server.url())).status, 302);
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST(Curl, UsesAConnectionAgain) {
  ScriptedServer server([](const SeenRequest&) { return scripted(200, "ok"); });
  const auto curl = make_curl({});
  for (int i = 0; i < 5; ++i) curl->send({}, get(server.url()));
  EXPECT_EQ(server.connections(), 1);
}

TEST(Curl, SharesNoConnectionBetweenAddressRules) {
  ScriptedServer server([](const SeenRequest&) { return scripted(200, "ok"); });
  const auto curl = make_curl({});
  Request request = get(server.url());
  curl->send({}, request);
  request.addresses = Addresses::only_public;
  EXPECT_EQ(kind_of([&] { curl->send({}, request); }), ErrorKind::refused);
  request.addresses = Addresses::not_link_local;
  curl->send({}, request);
  EXPECT_EQ(server.connections(), 2);
}

TEST(Curl, ChecksAddressesAfterTheNameIsResolved) {
  ScriptedServer server([](const SeenRequest&) { return scripted(200, "ok"); });
  const auto curl =
      make_curl({.resolve = {fmt::format("cdn.example:{}:127.0.0.1", server.port())}});
  Request request = get(Url::parse(fmt::format("http://cdn.example:{}/", server.port())));
  EXPECT_EQ(curl->send({}, request).body, "ok");
  request.addresses = Addresses::only_public;
  const auto error = error_of([&] { curl->send({}, request); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), ErrorKind::refused);
  EXPECT_THAT(error->what(), HasSubstr("127.0.0.1"));
  EXPECT_EQ(server.connections(), 1);
}

TEST(Curl, ServesManyThreads) {
  ScriptedServer server([](const SeenRequest& seen) { return scripted(200, seen.target); });
  const auto curl = make_curl({});
  std::atomic<int> right = 0;
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 8; ++thread) {
      threads.emplace_back([&, thread] {
        for (int i = 0; i < 20; ++i) {
          const std::string target = fmt::format("/{}/{}", thread, i);
          if (curl->send({}, get(server.url(target))).body == target) ++right;
        }
      });
    }
  }
  EXPECT_EQ(right, 160);
  EXPECT_LE(server.connections(), 8);
}

TEST(Curl, GoesOnAfterTheServerClosedAnIdleConnection) {
  ScriptedServer server([](const SeenRequest&) {
    ScriptedAnswer answer = scripted(200, "ok");
    answer.after = ScriptedAnswer::After::close;
    return answer;
  });
  const auto curl = make_curl({});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(curl->send({}, get(server.url())).body, "ok");
}

TEST(Curl, LimitsASuccessThatNoSinkTakes) {
  ScriptedServer server([](const SeenRequest&) { return scripted(200, "12345"); });
  Request request = get(server.url("/v2/x?token=hunter2"));
  request.body_limit = 5;
  EXPECT_EQ(make_curl({})->send({}, request).body, "12345");
  request.body_limit = 4;
  const auto error = error_of([&] { make_curl({})->send({}, request); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), ErrorKind::corrupt);
  EXPECT_THAT(error->what(), HasSubstr("/v2/x"));
  EXPECT_THAT(error->what(), testing::Not(HasSubstr("hunter2")));
}

TEST(Curl, KeepsTheBeginningOfALongFailure) {
  ScriptedServer server({scripted(500, std::string(300'000, 'x'))});
  const Response response = make_curl({})->send({}, get(server.url()));
  EXPECT_EQ(response.status, 500);
  EXPECT_EQ(response.body, std::string(64 * 1024, 'x'));
}

TEST(Curl, TakesAFailureThatBreaksOffForThatFailure) {
  ScriptedServer server({{.bytes = "HTTP/1.1 503 Busy\r\nContent-Length: 100\r\n\r\nshort",
                          .after = ScriptedAnswer::After::close}});
  const Response response = make_curl({})->send({}, get(server.url()));
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(response.body, "short");
}

TEST(Curl, RefusesTooManyHeaders) {
  std::string fields = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 300; ++i) fields += fmt::format("X-{}: y\r\n", i);
  ScriptedServer server({{.bytes = fields + "\r\n"}});
  EXPECT_EQ(kind_of([&] { make_curl({})->send({}, get(server.url())); }), ErrorKind::corrupt);
}

TEST(Curl, RefusesTooLargeHeaders) {
  const std::string large(50'000, 'x');
  ScriptedServer many({scripted(200, "", {{"A", large}, {"B", large}, {"C", large}})});
  EXPECT_EQ(kind_of([&] { make_curl({})->send({}, get(many.url())); }), ErrorKind::corrupt);
  ScriptedServer one({scripted(200, "", {{"A", std::string(500'000, 'x')}})});
  EXPECT_EQ(kind_of([&] { make_curl({})->send({}, get(one.url())); }), ErrorKind::corrupt);
}

TEST(Curl, RefusesAnEndlessTrainOfInterimAnswers) {
  std::string train;
  for (int i = 0; i < 10'000; ++i) train += "HTTP/1.1 103 Early\r\nX: y\r\n\r\n";
  ScriptedServer server({{.bytes = train}});
  EXPECT_EQ(kind_of([&] { make_curl({})->send({}, get(server.url())); }), ErrorKind::corrupt);
}

TEST(Curl, SendsNoLineBreaksInHeaders) {
  ScriptedServer server({scripted(200)});
  Request request = get(server.url());
  request.headers = {{"Accept", "a\r\nX-Injected: 1"}};
  EXPECT_EQ(kind_of([&] { make_curl({})->send({}, request); }), ErrorKind::failed);
  EXPECT_EQ(server.connections(), 0);
}

TEST(Curl, CallsBrokenConnectionsUnavailable) {
  const std::string whole = scripted(200, "0123456789").bytes;
  const std::vector<ScriptedAnswer> broken = {
      {.bytes = "", .after = ScriptedAnswer::After::close},
      {.bytes = "", .after = ScriptedAnswer::After::reset},
      {.bytes = "HTTP/1.1 20", .after = ScriptedAnswer::After::close},
      {.bytes = whole, .cut_after = whole.size() - 1},
      {.bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
       .after = ScriptedAnswer::After::close},
      {.bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab"}};
  for (const ScriptedAnswer& answer : broken) {
    ScriptedServer server({answer});
    const auto error =
        error_of([&] { make_curl({})->send({}, get(server.url("/p?secret=hunter2"))); });
    ASSERT_TRUE(error) << answer.bytes;
    EXPECT_EQ(error->kind(), ErrorKind::unavailable) << answer.bytes << error->what();
    EXPECT_THAT(error->what(), HasSubstr(fmt::format("127.0.0.1:{}", server.port())));
    EXPECT_THAT(error->what(), testing::Not(HasSubstr("hunter2")));
  }
}

TEST(Curl, CallsWhatDoesNotSpeakHttpCorrupt) {
  ScriptedServer server(
      {{.bytes = "SSH-2.0-OpenSSH_9\r\n", .after = ScriptedAnswer::After::close}});
  EXPECT_EQ(kind_of([&] { make_curl({})->send({}, get(server.url())); }), ErrorKind::corrupt);
}

TEST(Curl, CallsAClosedPortUnavailable) {
  Url url;
  {
    ScriptedServer gone({scripted(200)});
    url = gone.url();
  }
  EXPECT_EQ(kind_of([&] { make_curl({})->send({}, get(url)); }), ErrorKind::unavailable);
}

TEST(Curl, CallsAnUnknownNameUnavailable) {
  const auto error =
      error_of([] { make_curl({})->send({}, get(Url::parse("http://no-such-host.invalid/"))); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), ErrorKind::unavailable);
  EXPECT_THAT(error->what(), HasSubstr("no-such-host.invalid"));
}

TEST(Curl, EndsAStall) {
  ScriptedServer server({{.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
                          .after = ScriptedAnswer::After::hang}});
  const auto error =
      error_of([&] { make_curl({.stall_time = 50ms})->send({}, get(server.url())); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), ErrorKind::unavailable);
  EXPECT_THAT(error->what(), HasSubstr("nothing moved for 0.05 seconds"));
}

TEST(Curl, WaitsLongerForTheAnswerToAChange) {
  ScriptedServer server({{.bytes = "", .after = ScriptedAnswer::After::hang}});
  Request request = get(server.url());
  request.method = "PUT";
  const auto error = error_of([&] { make_curl({.stall_time = 20ms})->send({}, request); });
  ASSERT_TRUE(error);
  EXPECT_THAT(error->what(), HasSubstr("nothing moved for 0.1 seconds"));
}

TEST(Curl, DoesNotTakeASlowSinkForAStall) {
  const std::string body(200'000, 'x');
  ScriptedServer server({scripted(200, body)});
  std::size_t taken = 0;
  oci::FunctionSink slow([&](oci::Bytes bytes) {
    if (taken == 0) std::this_thread::sleep_for(1200ms);
    taken += bytes.size();
  });
  Into into(slow);
  make_curl({.stall_time = 1s})->send({}, get(server.url()), &into);
  EXPECT_EQ(taken, body.size());
}

TEST(Curl, StopsAStalledTransferAtOnce) {
  ScriptedServer server({{.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
                          .after = ScriptedAnswer::After::hang}});
  std::stop_source stop;
  const auto curl = make_curl({});
  std::chrono::steady_clock::time_point asked;
  std::jthread stopper([&] {
    server.wait_for_requests(1);
    asked = std::chrono::steady_clock::now();
    stop.request_stop();
  });
  EXPECT_EQ(kind_of([&] { curl->send({.stop = stop.get_token()}, get(server.url())); }),
            ErrorKind::interrupted);
  const auto ended = std::chrono::steady_clock::now();
  stopper.join();
  // Milliseconds; the limit is for a loaded machine, and far below every timeout.
  EXPECT_LT(ended - asked, 10s);
}

TEST(Curl, DoesNotBeginAfterAStop) {
  ScriptedServer server({scripted(200)});
  std::stop_source stop;
  stop.request_stop();
  const auto curl = make_curl({});
  EXPECT_EQ(kind_of([&] { curl->send({.stop = stop.get_token()}, get(server.url())); }),
            ErrorKind::interrupted);
  EXPECT_TRUE(server.requests().empty());
}

TEST(Curl, PassesOnWhatASinkThrows) {
  ScriptedServer server([](const SeenRequest&) { return scripted(200, "abc"); });
  oci::FunctionSink full([](oci::Bytes) { throw std::runtime_error("disk full"); });
  const auto curl = make_curl({});
  Into into(full);
  EXPECT_THROW(
      try { curl->send({}, get(server.url()), &into); } catch (const std::runtime_error& error) {
        EXPECT_STREQ(error.what(), "disk full");
        throw;
      },
      std::runtime_error);
  EXPECT_EQ(curl->send({}, get(server.url())).body, "abc");
}

TEST(Curl, PassesOnWhatTheBeginningOfASuccessThrows) {
  ScriptedServer server({scripted(200, "abc")});
  struct Refusing final : Receiver {
    bool begin(const Response&) override { throw oci::Error(ErrorKind::refused, "not this"); }
    void write(oci::Bytes) override {}
  } receiver;
  EXPECT_EQ(kind_of([&] { make_curl({})->send({}, get(server.url()), &receiver); }),
            ErrorKind::refused);
}

}  // namespace
}  // namespace davit::transport
