#include "transport/http/trace.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "oci/base/error.hpp"
#include "oci/base/log.hpp"
#include "tests/support/fake_transport.hpp"

namespace davit::transport {
namespace {

using oci::LogLevel;
using testing::HasSubstr;
using testing::Not;
using tests::answer;
using tests::FakeTransport;
using tests::SentRequest;

/// What is logged while it lives.
class Log {
 public:
  Log() {
    oci::set_log([this](LogLevel level, std::string_view text) {
      (level == LogLevel::info ? info : debug) += std::string(text) + "\n";
    });
  }
  ~Log() { oci::set_log(nullptr); }
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  std::string info;
  std::string debug;
};

Request get(std::string_view url) {
  Request request;
  request.url = Url::parse(url);
  return request;
}

TEST(Trace, IsOneLineARequest) {
  const Log log;
  FakeTransport next({answer(404)});
  make_trace(next)->send({}, get("https://a.example/v2/x?n=5"));
  EXPECT_THAT(log.info,
              testing::MatchesRegex("GET https://a.example/v2/x\\?n=5: 404, [0-9]+ ms\n"));
}

TEST(Trace, TellsOfFailuresAndPassesThemOn) {
  const Log log;
  FakeTransport next([](const SentRequest&) -> Response {
    throw oci::Error(oci::ErrorKind::unavailable, "a.example: cut");
  });
  EXPECT_THROW(make_trace(next)->send({}, get("https://a.example/")), oci::Error);
  EXPECT_THAT(log.info, HasSubstr("GET https://a.example/: a.example: cut, "));
}

TEST(Trace, ShowsHeadersOfBothDirections) {
  const Log log;
  FakeTransport next({answer(200, "",
                             {{"Docker-Content-Digest", "sha256:0"},
                              {"WWW-Authenticate", "Basic realm=\"x\""},
                              {"x-amz-request-id", "R1"}})});
  Request request = get("https://a.example/");
  request.headers = {{"Accept", "a/b"}};
  make_trace(next)->send({}, request);
  EXPECT_THAT(log.debug, HasSubstr("> Accept: a/b\n"));
  EXPECT_THAT(log.debug, HasSubstr("< Docker-Content-Digest: sha256:0\n"));
  EXPECT_THAT(log.debug, HasSubstr("< WWW-Authenticate: Basic realm"));
  EXPECT_THAT(log.debug, HasSubstr("< x-amz-request-id: R1\n"));
}

TEST(Trace, ShowsNoSecrets) {
  const Log log;
  FakeTransport next({answer(200, "{\"token\":\"hunter2\"}",
                             {{"Set-Cookie", "hunter2"},
                              {"Location", "/upload?_state=hunter2"},
                              {"Link", "</v2/x?last=a&token=hunter2>; rel=\"next\""},
                              {"X-Auth-Token", "hunter2"}})});
  Request request = get("https://a.example/token?scope=x&refresh_token=hunter2");
  request.headers = {{"Authorization", "Bearer hunter2"},
                     {"Proxy-Authorization", "hunter2"},
                     {"Cookie", "hunter2"},
                     {"X-Amz-Security-Token", "hunter2"},
                     {"X-Amz-Signature", "hunter2"},
                     {"X-Registry-Auth", "hunter2"},
                     {"Api-Key", "hunter2"},
                     {"X-Client-Secret", "hunter2"}};
  request.method = "POST";
  request.body = Body{.content = oci::content_of("password=hunter2"), .size = 16};
  make_trace(next)->send({}, request);
  EXPECT_THAT(log.info + log.debug, Not(HasSubstr("hunter2")));
  EXPECT_THAT(log.info, HasSubstr("scope=x&refresh_token=***"));
  EXPECT_THAT(log.debug, HasSubstr("< Location: https://a.example/upload?_state=***"));
  EXPECT_THAT(log.debug, HasSubstr("last=a&token=***"));
  EXPECT_THAT(log.debug, HasSubstr("> Authorization: ***"));
}

TEST(Trace, MasksALocationThatIsNoUrl) {
  const Log log;
  FakeTransport next({answer(302, "", {{"Location", "https://user:hunter2@a.example/"}})});
  make_trace(next)->send({}, get("https://a.example/"));
  EXPECT_THAT(log.debug, HasSubstr("< Location: ***\n"));
}

TEST(Trace, SendsNoEscapesToTheTerminal) {
  const Log log;
  FakeTransport next({answer(200, "", {{"X-Evil", "\x1b[2Jgone"}})});
  make_trace(next)->send({}, get("https://a.example/"));
  EXPECT_THAT(log.debug, HasSubstr("\\x1b[2Jgone"));
}

TEST(Trace, ChangesNothing) {
  FakeTransport next({answer(200, "body", {{"A", "b"}})});
  oci::StringSink sink(10, "body");
  Into into(sink);
  const Response response = make_trace(next)->send({}, get("https://a.example/"), &into);
  EXPECT_EQ(response.headers.get("A"), "b");
  EXPECT_EQ(sink.text(), "body");
}

}  // namespace
}  // namespace davit::transport
