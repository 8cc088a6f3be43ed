#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <string>
#include <thread>

#include "oci/base/error.hpp"
#include "tests/support/content.hpp"
#include "tests/support/errors.hpp"
#include "tests/support/scripted_server.hpp"
#include "transport/http/curl.hpp"

namespace davit::transport {
namespace {

using namespace std::chrono_literals;
using oci::ErrorKind;
using testing::HasSubstr;
using tests::error_of;
using tests::kind_of;
using tests::noise;
using tests::scripted;
using tests::ScriptedAnswer;
using tests::ScriptedServer;
using tests::SeenRequest;

enum class Size { known, unknown };

Request put(const Url& url, const std::string& body, Size size = Size::known) {
  Request request;
  request.method = "PUT";
  request.url = url;
  request.body = Body{.content = oci::content_of(body)};
  if (size == Size::known) request.body->size = body.size();
  return request;
}

TEST(Upload, SendsBodiesOfAllSizes) {
  for (const std::size_t size : {0, 1, 1000, 256 * 1024, 256 * 1024 + 1, 5'000'000}) {
    ScriptedServer server({scripted(201)});
    const std::string body = noise(size);
    EXPECT_EQ(make_curl({})->send({}, put(server.url(), body)).status, 201);
    const SeenRequest seen = server.requests().at(0);
    EXPECT_EQ(seen.method, "PUT");
    EXPECT_EQ(seen.headers.get("Content-Length"), std::to_string(size));
    EXPECT_FALSE(seen.headers.get("Expect"));
    EXPECT_TRUE(seen.body == body) << size;
  }
}

TEST(Upload, SendsChunksWhereTheSizeIsUnknown) {
  for (const std::size_t size : {0, 1, 5'000'000}) {
    ScriptedServer server({scripted(202)});
    const std::string body = noise(size);
    Request request = put(server.url(), body, Size::unknown);
    request.method = "PATCH";
    EXPECT_EQ(make_curl({})->send({}, request).status, 202);
    const SeenRequest seen = server.requests().at(0);
    EXPECT_EQ(seen.method, "PATCH");
    EXPECT_EQ(seen.headers.get("Transfer-Encoding"), "chunked");
    EXPECT_FALSE(seen.headers.get("Content-Length"));
    EXPECT_TRUE(seen.body == body) << size;
  }
}

TEST(Upload, SaysThatABodyIsEmpty) {
  for (const char* method : {"POST", "PUT", "PATCH"}) {
    ScriptedServer server({scripted(202)});
    Request request;
    request.method = method;
    request.url = server.url();
    EXPECT_EQ(make_curl({})->send({}, request).status, 202);
    EXPECT_EQ(server.requests().at(0).method, method);
    EXPECT_EQ(server.requests().at(0).headers.get("Content-Length"), "0");
    EXPECT_FALSE(server.requests().at(0).headers.get("Content-Type"));
  }
}

TEST(Upload, DeletesWithoutABody) {
  ScriptedServer server({scripted(202)});
  Request request;
  request.method = "DELETE";
  request.url = server.url();
  EXPECT_EQ(make_curl({})->send({}, request).status, 202);
  EXPECT_EQ(server.requests().at(0).method, "DELETE");
  EXPECT_FALSE(server.requests().at(0).headers.get("Transfer-Encoding"));
}

TEST(Upload, LetsNobodyElseSayTheLength) {
  ScriptedServer server({scripted(201)});
  Request request = put(server.url(), "abc");
  request.headers = {
      {"Content-Length", "7"}, {"Transfer-Encoding", "chunked"}, {"Content-Type", "a/b"}};
  make_curl({})->send({}, request);
  EXPECT_THAT(server.requests().at(0).headers.all("Content-Length"), testing::ElementsAre("3"));
  EXPECT_FALSE(server.requests().at(0).headers.get("Transfer-Encoding"));
  EXPECT_EQ(server.requests().at(0).headers.get("Content-Type"), "a/b");
}

TEST(Upload, UsesItsConnectionAgain) {
  ScriptedServer server([](const SeenRequest&) { return scripted(201); });
  const auto curl = make_curl({});
  for (int i = 0; i < 3; ++i) curl->send({}, put(server.url(), noise(600'000)));
  EXPECT_EQ(server.connections(), 1);
}

TEST(Upload, BringsAnAnswerThatComesBeforeTheBodyIsSent) {
  for (const int status : {401, 413, 500}) {
    ScriptedServer server([&](const SeenRequest&) {
      ScriptedAnswer answer = scripted(status, "why");
      answer.early = true;
      return answer;
    });
    for (const Size size : {Size::known, Size::unknown}) {
      const Response response = make_curl({})->send({}, put(server.url(), noise(20'000'000), size));
      EXPECT_EQ(response.status, status);
      EXPECT_EQ(response.body, "why");
    }
  }
}

TEST(Upload, BringsAnEarlyAnswerThoughTheContentWasSlow) {
  ScriptedServer server([&](const SeenRequest&) {
    ScriptedAnswer answer = scripted(401, "who are you");
    answer.early = true;
    answer.after = ScriptedAnswer::After::close;
    return answer;
  });
  Request request = put(server.url(), "");
  request.body->size = 3'000'000;
  request.body->content = [&](const oci::Call&, oci::Sink& sink) {
    sink.write(oci::bytes_of(noise(1'000'000)));
    // The server has answered and closed, with bytes unread, before there is more to send.
    server.wait_for_requests(1);
    std::this_thread::sleep_for(50ms);
    sink.write(oci::bytes_of(noise(2'000'000)));
  };
  EXPECT_EQ(make_curl({})->send({}, request).status, 401);
}

TEST(Upload, CallsACutInTheMiddleUnavailable) {
  for (const std::size_t bytes : {0, 1000, 1'000'000}) {
    ScriptedServer server({{.bytes = scripted(201).bytes, .cut_request_after = bytes}});
    EXPECT_EQ(kind_of([&] { make_curl({})->send({}, put(server.url(), noise(20'000'000))); }),
              ErrorKind::unavailable);
  }
}

TEST(Upload, PassesOnWhatTheContentThrows) {
  for (const std::size_t before : {0, 1000, 1'000'000}) {
    ScriptedServer server({scripted(201)});
    Request request = put(server.url(), "");
    request.body->size = 2'000'000;
    request.body->content = [&](const oci::Call&, oci::Sink& sink) {
      sink.write(oci::bytes_of(noise(before)));
      throw oci::Error(ErrorKind::not_found, "the file has gone");
    };
    const auto error = error_of([&] { make_curl({})->send({}, request); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), ErrorKind::not_found);
    EXPECT_STREQ(error->what(), "the file has gone");
  }
}

TEST(Upload, NeverArrivesWholeIfItsContentFailsAtTheEnd) {
  for (const Size size : {Size::known, Size::unknown}) {
    ScriptedServer server({scripted(201)});
    Request request = put(server.url(), noise(2'000'000), size);
    request.body->content = [content = request.body->content](const oci::Call& call,
                                                              oci::Sink& sink) {
      content(call, sink);
      throw oci::Error(ErrorKind::corrupt, "the digest does not match");
    };
    const auto error = error_of([&] { make_curl({})->send({}, request); });
    ASSERT_TRUE(error);
    EXPECT_STREQ(error->what(), "the digest does not match");
    if (size == Size::unknown) continue;
    for (const SeenRequest& seen : server.requests()) EXPECT_LT(seen.body.size(), 2'000'000u);
  }
}

TEST(Upload, RefusesContentOfAnotherSize) {
  for (const std::size_t promised : {999, 1001, 400'000, 1'999'999, 2'000'001}) {
    ScriptedServer server({scripted(201)});
    Request request = put(server.url("/blob"), noise(promised < 10'000 ? 1000 : 2'000'000));
    request.body->size = promised;
    const auto error = error_of([&] { make_curl({})->send({}, request); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), ErrorKind::corrupt) << promised;
    EXPECT_THAT(error->what(), HasSubstr("/blob"));
  }
}

TEST(Upload, DoesNotTakeSlowContentForAStall) {
  ScriptedServer server({scripted(201)});
  Request request = put(server.url(), "", Size::unknown);
  request.body->content = [](const oci::Call&, oci::Sink& sink) {
    for (int i = 0; i < 2; ++i) {
      sink.write(oci::bytes_of("abc"));
      std::this_thread::sleep_for(600ms);
    }
  };
  EXPECT_EQ(make_curl({.stall_time = 500ms})->send({}, request).status, 201);
}

TEST(Upload, EndsAServerThatDoesNotRead) {
  std::promise<void> end;
  ScriptedServer server([&, over = end.get_future().share()](const SeenRequest&) {
    over.wait();
    return scripted(201);
  });
  EXPECT_EQ(kind_of([&] {
              make_curl({.stall_time = 100ms})->send({}, put(server.url(), noise(50'000'000)));
            }),
            ErrorKind::unavailable);
  end.set_value();
}

TEST(Upload, StopsAtOnce) {
  std::promise<void> end;
  ScriptedServer server([&, over = end.get_future().share()](const SeenRequest&) {
    over.wait();
    return scripted(201);
  });
  std::stop_source stop;
  const auto curl = make_curl({});
  Request request = put(server.url(), "");
  request.body->size = 50'000'000;
  request.body->content = [&](const oci::Call&, oci::Sink& sink) {
    const std::string piece = noise(1'000'000);
    for (int i = 0; i < 50; ++i) sink.write(oci::bytes_of(piece));
  };
  std::future<std::optional<ErrorKind>> sent = std::async(std::launch::async, [&] {
    return kind_of([&] { curl->send({.stop = stop.get_token()}, request); });
  });
  EXPECT_EQ(sent.wait_for(50ms), std::future_status::timeout);
  stop.request_stop();
  // Milliseconds; the limit is for a loaded machine, and far below every timeout.
  EXPECT_EQ(sent.wait_for(10s), std::future_status::ready);
  end.set_value();
  EXPECT_EQ(sent.get(), ErrorKind::interrupted);
}

TEST(Upload, TakesItsContentFromAnotherTransfer) {
  const std::string blob = noise(3'000'000);
  ScriptedServer source({scripted(200, blob)});
  ScriptedServer target({scripted(201)});
  const auto curl = make_curl({});
  Request request = put(target.url(), "");
  request.body->size = blob.size();
  request.body->content = [&](const oci::Call& call, oci::Sink& sink) {
    Request fetch;
    fetch.url = source.url();
    Into into(sink);
    curl->send(call, fetch, &into);
  };
  EXPECT_EQ(curl->send({}, request).status, 201);
  EXPECT_TRUE(target.requests().at(0).body == blob);
}

TEST(Upload, IsSentAgainOnlyIfRepeatableWhenAnIdleConnectionHasGone) {
  for (const bool repeatable : {true, false}) {
    std::atomic<int> calls = 0;
    ScriptedServer server([&](const SeenRequest& seen) {
      ScriptedAnswer answer = scripted(201);
      // The second request on the first connection gets no answer at all.
      if (seen.connection == 1 && ++calls == 2) {
        return ScriptedAnswer{.bytes = "", .after = ScriptedAnswer::After::close};
      }
      return answer;
    });
    const auto curl = make_curl({});
    Request request = put(server.url(), noise(1000));
    request.repeatable = repeatable;
    curl->send({}, request);
    if (repeatable) {
      EXPECT_EQ(curl->send({}, request).status, 201);
      EXPECT_EQ(server.requests().size(), 3u);
    } else {
      EXPECT_EQ(kind_of([&] { curl->send({}, request); }), ErrorKind::unavailable);
      EXPECT_EQ(server.requests().size(), 2u);
    }
  }
}

}  // namespace
}  // namespace davit::transport
