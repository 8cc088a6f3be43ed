#include "transport/http/retry.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "oci/base/error.hpp"
#include "tests/support/errors.hpp"
#include "tests/support/fake_transport.hpp"

namespace davit::transport {
namespace {

using namespace std::chrono_literals;
using oci::Error;
using oci::ErrorKind;
using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using tests::answer;
using tests::error_of;
using tests::FakeTransport;
using tests::kind_of;
using tests::SentRequest;

/// Options that wait in no time, and what they waited.
struct VirtualTime {
  std::vector<milliseconds> slept;

  RetryOptions options(double random = 1.0) {
    return {.random = [random] { return random; },
            .sleep = [this](milliseconds time) { slept.push_back(time); },
            .now = [] { return std::chrono::system_clock::from_time_t(784111777); }};
  }
};

Request get() {
  Request request;
  request.url = Url::parse("https://a.example/x");
  return request;
}

Error unavailable() { return {ErrorKind::unavailable, "a.example: cut", "wait"}; }

TEST(Retry, TriesTemporaryStatusesAgain) {
  for (const int status : {408, 425, 429, 500, 502, 503, 504}) {
    EXPECT_TRUE(is_temporary(status));
    VirtualTime time;
    FakeTransport next({answer(status), answer(200, "ok")});
    EXPECT_EQ(make_retry(next, time.options())->send({}, get()).body, "ok");
    EXPECT_EQ(time.slept.size(), 1u);
  }
}

TEST(Retry, TakesOtherStatusesForTheAnswer) {
  for (const int status : {200, 206, 301, 400, 401, 403, 404, 409, 413, 416, 418, 501, 505}) {
    EXPECT_FALSE(is_temporary(status));
    VirtualTime time;
    FakeTransport next({answer(status)});
    Request request = get();
    request.headers = {{"Range", "bytes=0-1"}};
    EXPECT_EQ(make_retry(next, time.options())->send({}, request).status, status);
    EXPECT_EQ(next.sent().size(), 1u);
  }
}

TEST(Retry, TriesAgainWhenTheServerIsUnavailable) {
  VirtualTime time;
  int calls = 0;
  FakeTransport next([&](const SentRequest&) {
    if (++calls < 3) throw unavailable();
    return answer(200, "ok");
  });
  EXPECT_EQ(make_retry(next, time.options())->send({}, get()).body, "ok");
  EXPECT_EQ(calls, 3);
}

TEST(Retry, SaysHowOftenItTried) {
  VirtualTime time;
  FakeTransport next([](const SentRequest&) -> Response { throw unavailable(); });
  const auto error = error_of([&] { make_retry(next, time.options())->send({}, get()); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), ErrorKind::unavailable);
  EXPECT_STREQ(error->what(), "a.example: cut (6 tries)");
  EXPECT_EQ(error->hint(), "wait");
  EXPECT_EQ(next.sent().size(), 6u);
}

TEST(Retry, ReturnsTheLastAnswerWhenItHasTriedEnough) {
  VirtualTime time;
  FakeTransport next({answer(503, "busy")});
  const Response response = make_retry(next, time.options())->send({}, get());
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(response.body, "busy");
  EXPECT_EQ(next.sent().size(), 6u);
}

TEST(Retry, TriesOnceIfThatIsWanted) {
  VirtualTime time;
  RetryOptions options = time.options();
  options.retries = 0;
  FakeTransport next([](const SentRequest&) -> Response { throw unavailable(); });
  const auto error = error_of([&] { make_retry(next, options)->send({}, get()); });
  EXPECT_STREQ(error->what(), "a.example: cut");
  EXPECT_EQ(next.sent().size(), 1u);
}

TEST(Retry, DoesNotRepeatWhatMustNotBe) {
  VirtualTime time;
  Request request = get();
  request.repeatable = false;
  FakeTransport busy({answer(503)});
  EXPECT_EQ(make_retry(busy, time.options())->send({}, request).status, 503);
  EXPECT_EQ(busy.sent().size(), 1u);
  FakeTransport gone([](const SentRequest&) -> Response { throw unavailable(); });
  EXPECT_EQ(kind_of([&] { make_retry(gone, time.options())->send({}, request); }),
            ErrorKind::unavailable);
  EXPECT_EQ(gone.sent().size(), 1u);
}

TEST(Retry, DoesNotRepeatWhatNothingWillMend) {
  for (const auto kind : {ErrorKind::failed, ErrorKind::corrupt, ErrorKind::denied,
                          ErrorKind::refused, ErrorKind::interrupted, ErrorKind::not_found}) {
    VirtualTime time;
    FakeTransport next([&](const SentRequest&) -> Response { throw Error(kind, "no"); });
    EXPECT_EQ(kind_of([&] { make_retry(next, time.options())->send({}, get()); }), kind);
    EXPECT_EQ(next.sent().size(), 1u);
  }
}

TEST(Retry, SendsTheSameBodyAgain) {
  VirtualTime time;
  FakeTransport next({answer(502), answer(201)});
  Request request = get();
  request.method = "PUT";
  request.body = Body{.content = oci::content_of("manifest"), .size = 8};
  EXPECT_EQ(make_retry(next, time.options())->send({}, request).status, 201);
  EXPECT_EQ(next.sent().at(0).body, "manifest");
  EXPECT_EQ(next.sent().at(1).body, "manifest");
}

TEST(Retry, DoesNotRepeatForContentThatWasGivenUp) {
  VirtualTime time;
  FakeTransport next({answer(201)});
  Request request = get();
  request.method = "PUT";
  int calls = 0;
  request.body = Body{.content = [&](const oci::Call&, oci::Sink&) {
    ++calls;
    throw unavailable().after_tries(3);
  }};
  const auto error = error_of([&] { make_retry(next, time.options())->send({}, request); });
  EXPECT_STREQ(error->what(), "a.example: cut (3 tries)");
  EXPECT_EQ(calls, 1);
}

TEST(Retry, DoesNotRepeatForASinkThatFails) {
  VirtualTime time;
  FakeTransport next({answer(200, "abc")});
  oci::FunctionSink sink([](oci::Bytes) { throw unavailable(); });
  Request request = get();
  request.resumable = true;
  Into into(sink);
  EXPECT_EQ(kind_of([&] { make_retry(next, time.options())->send({}, request, &into); }),
            ErrorKind::unavailable);
  EXPECT_EQ(next.sent().size(), 1u);
}

TEST(Retry, WaitsLongerEachTimeUpToALimit) {
  VirtualTime time;
  RetryOptions options = time.options();
  options.retries = 9;
  FakeTransport next({answer(500)});
  make_retry(next, options)->send({}, get());
  EXPECT_THAT(time.slept, ElementsAre(250ms, 500ms, 1s, 2s, 4s, 8s, 16s, 30s, 30s));
}

TEST(Retry, WaitsAnyPartOfThatTime) {
  VirtualTime time;
  RetryOptions options = time.options(0.5);
  options.retries = 3;
  FakeTransport next({answer(500)});
  make_retry(next, options)->send({}, get());
  EXPECT_THAT(time.slept, ElementsAre(125ms, 250ms, 500ms));
}

TEST(Retry, WaitsAsLongAsTheServerAsks) {
  VirtualTime time;
  FakeTransport next({answer(429, "", {{"Retry-After", "7"}}), answer(200)});
  make_retry(next, time.options(0.0))->send({}, get());
  EXPECT_THAT(time.slept, ElementsAre(7s));
}

TEST(Retry, SpreadsThoseWhoWereAskedToWaitTheSameTime) {
  VirtualTime time;
  FakeTransport next({answer(429, "", {{"Retry-After", "7"}}), answer(200)});
  make_retry(next, time.options(1.0))->send({}, get());
  EXPECT_THAT(time.slept, ElementsAre(7250ms));
}

TEST(Retry, WaitsNoLongerThanAMinuteOnRequest) {
  VirtualTime time;
  FakeTransport next({answer(429, "", {{"Retry-After", "99999999999999999999"}}),
                      answer(429, "", {{"Retry-After", "86400"}}), answer(200)});
  make_retry(next, time.options(0.0))->send({}, get());
  EXPECT_THAT(time.slept, ElementsAre(60s, 60s));
}

TEST(Retry, WaitEndsWithAStop) {
  std::stop_source stop;
  stop.request_stop();
  FakeTransport next({answer(503)});
  EXPECT_EQ(kind_of([&] { make_retry(next, {})->send({.stop = stop.get_token()}, get()); }),
            ErrorKind::interrupted);
  EXPECT_EQ(next.sent().size(), 1u);
}

TEST(RetryAfter, IsReadInBothForms) {
  const auto now = std::chrono::system_clock::from_time_t(784111777);  // 08:49:37
  struct Row {
    const char* text;
    std::optional<milliseconds> expected;
  };
  const std::vector<Row> rows = {{"0", 0ms},
                                 {"120", 120s},
                                 {"Sun, 06 Nov 1994 08:49:47 GMT", 10s},
                                 {"Sun, 06 Nov 1994 08:49:27 GMT", 0ms},
                                 {"", std::nullopt},
                                 {"-1", std::nullopt},
                                 {"1.5", std::nullopt},
                                 {"soon", std::nullopt},
                                 {"5 minutes", std::nullopt},
                                 {"Sun, 06 Nov 1994 08:49:47", std::nullopt},
                                 {"Sun, 06 Nov 1994 08:49:47 CET", std::nullopt},
                                 {"Sun, 99 Nov 1994 08:49:47 GMT", std::nullopt}};
  for (const Row& row : rows) {
    EXPECT_EQ(retry_after(answer(429, "", {{"Retry-After", row.text}}), now), row.expected)
        << row.text;
  }
  EXPECT_EQ(retry_after(answer(429), now), std::nullopt);
}

TEST(Attempts, RepeatAnythingThatIsUnavailable) {
  VirtualTime time;
  const RetryOptions options = time.options();
  int sessions = 0;
  const auto upload = [&] {
    if (++sessions < 4) throw unavailable();
    return sessions;
  };
  const auto whole = [&] {
    for (Attempts attempts({}, options);;) {
      try {
        return upload();
      } catch (const Error& error) {
        if (!attempts.again(error)) throw attempts.counted(error);
      }
    }
  };
  EXPECT_EQ(whole(), 4);
  EXPECT_THAT(time.slept, ElementsAre(250ms, 500ms, 1s));
}

TEST(Attempts, BeginAnewAfterProgress) {
  VirtualTime time;
  RetryOptions options = time.options();
  options.retries = 1;
  Attempts attempts({}, options);
  EXPECT_TRUE(attempts.again(unavailable()));
  attempts.renew();
  EXPECT_TRUE(attempts.again(unavailable()));
  EXPECT_FALSE(attempts.again(unavailable()));
  EXPECT_THAT(attempts.counted(unavailable()).what(), HasSubstr("(3 tries)"));
  EXPECT_THAT(time.slept, ElementsAre(250ms, 250ms));
}

}  // namespace
}  // namespace davit::transport
