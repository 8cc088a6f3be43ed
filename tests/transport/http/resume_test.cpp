#include "transport/http/resume.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "oci/base/error.hpp"
#include "tests/support/errors.hpp"
#include "tests/support/scripted_server.hpp"
#include "transport/http/curl.hpp"
#include "transport/http/retry.hpp"

namespace davit::transport {
namespace {

using oci::ErrorKind;
using tests::kind_of;
using tests::scripted;
using tests::ScriptedAnswer;
using tests::ScriptedServer;
using tests::SeenRequest;

const std::string blob = "0123456789abcdefghijklmnopqrstuvwxyz";

RetryOptions without_waiting() {
  return {.sleep = [](std::chrono::milliseconds) {}};
}

Request get(const ScriptedServer& server) {
  Request request;
  request.url = server.url("/v2/x/blobs/sha256:0");
  request.resumable = true;
  return request;
}

/// A whole answer that is cut after so many bytes of its body.
ScriptedAnswer cut(ScriptedAnswer answer, std::size_t body_bytes) {
  answer.cut_after = answer.bytes.find("\r\n\r\n") + 4 + body_bytes;
  return answer;
}

ScriptedAnswer whole(const Headers& headers = {}) { return scripted(200, blob, headers); }

ScriptedAnswer rest(std::size_t from) {
  return scripted(
      206, blob.substr(from),
      {{"Content-Range", fmt::format("bytes {}-{}/{}", from, blob.size() - 1, blob.size())}});
}

struct Fetched {
  Response response;
  std::string text;
};

Fetched fetch(const Request& request) {
  const auto curl = make_curl({});
  oci::StringSink sink(1000, "blob");
  Fetched fetched;
  Into into(sink);
  fetched.response = make_retry(*curl, without_waiting())->send({}, request, &into);
  fetched.text = sink.text();
  return fetched;
}

Fetched fetch(const ScriptedServer& server) { return fetch(get(server)); }

TEST(Resume, GoesOnAtTheByteWhereItWasCut) {
  for (std::size_t n = 1; n < blob.size(); n += 7) {
    ScriptedServer server({cut(whole(), n), rest(n)});
    const Fetched fetched = fetch(server);
    EXPECT_EQ(fetched.text, blob);
    EXPECT_EQ(fetched.response.status, 200);
    EXPECT_FALSE(server.requests().at(0).headers.get("Range"));
    EXPECT_EQ(server.requests().at(1).headers.get("Range"), fmt::format("bytes={}-", n));
  }
}

TEST(Resume, StartsAgainWhereNothingHadCome) {
  ScriptedServer server({cut(whole(), 0), whole()});
  EXPECT_EQ(fetch(server).text, blob);
  EXPECT_FALSE(server.requests().at(1).headers.get("Range"));
}

TEST(Resume, GoesOnAgainAndAgain) {
  ScriptedServer server(
      {cut(whole(), 5), cut(rest(5), 7), scripted(503), cut(rest(12), 1), rest(13)});
  EXPECT_EQ(fetch(server).text, blob);
  std::vector<std::string> ranges;
  for (const SeenRequest& seen : server.requests()) {
    ranges.push_back(seen.headers.get("Range").value_or(""));
  }
  EXPECT_THAT(ranges, testing::ElementsAre("", "bytes=5-", "bytes=12-", "bytes=12-", "bytes=13-"));
}

TEST(Resume, SkipsWhatItHasWhereRangesAreNotServed) {
  ScriptedServer server({cut(whole(), 20), cut(whole(), 10), whole()});
  EXPECT_EQ(fetch(server).text, blob);
}

TEST(Resume, NamesAStrongEtag) {
  ScriptedServer server({cut(whole({{"ETag", "\"v1\""}}), 3), rest(3)});
  EXPECT_EQ(fetch(server).text, blob);
  EXPECT_EQ(server.requests().at(1).headers.get("If-Range"), "\"v1\"");
}

TEST(Resume, DoesNotNameAWeakEtag) {
  for (const char* etag : {"W/\"v1\"", "v1"}) {
    ScriptedServer server({cut(whole({{"ETag", etag}}), 3), rest(3)});
    EXPECT_EQ(fetch(server).text, blob);
    EXPECT_FALSE(server.requests().at(1).headers.get("If-Range"));
  }
}

TEST(Resume, RefusesAnotherRange) {
  for (const char* range :
       {"bytes 4-35/36", "bytes 0-35/36", "bytes */36", "items 5-35/36", "bytes 5", ""}) {
    ScriptedServer server(
        {cut(whole(), 5), scripted(206, blob.substr(5), {{"Content-Range", range}})});
    EXPECT_EQ(kind_of([&] { fetch(server); }), ErrorKind::corrupt) << range;
    EXPECT_EQ(server.requests().size(), 2u);
  }
}

TEST(Resume, RefusesAnAnswerThatHasBecomeShorter) {
  ScriptedServer server({cut(whole(), 20), scripted(200, blob.substr(0, 19))});
  EXPECT_EQ(kind_of([&] { fetch(server); }), ErrorKind::corrupt);
}

TEST(Resume, KnowsThatNothingWasMissingWhenThereIsNoMore) {
  ScriptedServer server(
      {{.bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n24\r\n" + blob + "\r\n",
        .after = ScriptedAnswer::After::close},
       scripted(416, "", {{"Content-Range", "bytes */36"}})});
  const Fetched fetched = fetch(server);
  EXPECT_EQ(fetched.text, blob);
  EXPECT_EQ(fetched.response.status, 200);
}

TEST(Resume, RefusesAnEndBeforeWhereItWas) {
  for (const char* range : {"bytes */20", "bytes */40", ""}) {
    ScriptedServer server({cut(whole(), 30), scripted(416, "", {{"Content-Range", range}})});
    EXPECT_EQ(kind_of([&] { fetch(server); }), ErrorKind::corrupt) << range;
  }
}

TEST(Resume, BringsAnotherAnswerAsItIs) {
  ScriptedServer server({cut(whole(), 30), scripted(404, "gone")});
  const Fetched fetched = fetch(server);
  EXPECT_EQ(fetched.response.status, 404);
  EXPECT_EQ(fetched.response.body, "gone");
}

TEST(Resume, DoesNotRepeatWhatMayChange) {
  ScriptedServer server({cut(whole(), 5), whole()});
  Request request = get(server);
  request.resumable = false;
  EXPECT_EQ(kind_of([&] { fetch(request); }), ErrorKind::unavailable);
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST(Resume, LeavesACallersOwnRangeAlone) {
  ScriptedServer server({rest(5), cut(rest(5), 5)});
  Request request = get(server);
  request.headers = {{"Range", "bytes=5-"}};
  const Fetched fetched = fetch(request);
  EXPECT_EQ(fetched.response.status, 206);
  EXPECT_EQ(fetched.text, blob.substr(5));
  EXPECT_EQ(kind_of([&] { fetch(request); }), ErrorKind::unavailable);
  EXPECT_EQ(server.requests().size(), 2u);
}

TEST(Resume, TellsTheCallerOnceThatTheAnswerBegins) {
  ScriptedServer server({cut(whole({{"X", "first"}}), 5), rest(5)});
  Request request = get(server);
  struct Begun final : Receiver {
    bool begin(const Response& response) override {
      begun.push_back(response.headers.get("X").value_or(""));
      return true;
    }
    void write(oci::Bytes bytes) override { text += oci::text_of(bytes); }
    std::vector<std::string> begun;
    std::string text;
  } receiver;
  const auto curl = make_curl({});
  make_retry(*curl, without_waiting())->send({}, request, &receiver);
  EXPECT_EQ(receiver.text, blob);
  EXPECT_THAT(receiver.begun, testing::ElementsAre("first"));
}

TEST(Resume, RenewsTheTriesWhileBytesMove) {
  const std::string large(5 * oci::MiB, 'x');
  std::size_t sent = 0;
  ScriptedServer server([&](const SeenRequest&) {
    const std::size_t n = std::min<std::size_t>(large.size() - sent, oci::MiB);
    ScriptedAnswer answer = scripted(
        sent == 0 ? 200 : 206, large.substr(sent),
        {{"Content-Range", fmt::format("bytes {}-{}/{}", sent, large.size() - 1, large.size())}});
    sent += n;
    return sent < large.size() ? cut(answer, n) : answer;
  });
  RetryOptions options = without_waiting();
  options.retries = 1;
  const auto curl = make_curl({});
  std::size_t taken = 0;
  oci::FunctionSink sink([&](oci::Bytes bytes) { taken += bytes.size(); });
  Into into(sink);
  make_retry(*curl, options)->send({}, get(server), &into);
  EXPECT_EQ(taken, large.size());
  EXPECT_EQ(server.requests().size(), 5u);
}

TEST(ContentRange, IsReadInItsThreeForms) {
  const auto range = ContentRange::parse("bytes 5-9/10");
  ASSERT_TRUE(range);
  EXPECT_EQ(range->first, 5u);
  EXPECT_EQ(range->total, 10u);
  EXPECT_EQ(ContentRange::parse("BYTES 5-9/*")->first, 5u);
  EXPECT_EQ(ContentRange::parse("bytes 5-9/*")->total, std::nullopt);
  EXPECT_EQ(ContentRange::parse("bytes */10")->first, std::nullopt);
}

TEST(ContentRange, IsNothingIfMalformed) {
  for (const char* text :
       {"", "bytes", "bytes ", "bytes 5", "bytes 5-", "bytes 5-9", "bytes 5-9/", "bytes 9-5/10",
        "bytes -5-9/10", "bytes +5-9/10", "bytes 5-9/10 ", "bytes 5-9/x", "bytes */*",
        "bytes=5-9/10", "bytes 5-99999999999999999999/*", "octets 5-9/10", "bytes  5-9/10"}) {
    EXPECT_FALSE(ContentRange::parse(text)) << text;
  }
}

ScriptedAnswer part(std::size_t from, std::size_t size) {
  return scripted(
      206, blob.substr(from, size),
      {{"Content-Range", fmt::format("bytes {}-{}/{}", from, from + size - 1, blob.size())}});
}

Request get_part(const ScriptedServer& server, std::uint64_t first, std::uint64_t size) {
  Request request = get(server);
  request.range = {first, size};
  return request;
}

TEST(Range, IsAskedForAndGiven) {
  ScriptedServer server({part(10, 5)});
  const Fetched fetched = fetch(get_part(server, 10, 5));
  EXPECT_EQ(fetched.text, "abcde");
  EXPECT_EQ(fetched.response.status, 200);
  EXPECT_EQ(server.requests()[0].headers.get("Range"), "bytes=10-14");
}

TEST(Range, GoesOnInItsMiddle) {
  ScriptedServer server({cut(part(10, 5), 2), part(12, 3)});
  EXPECT_EQ(fetch(get_part(server, 10, 5)).text, "abcde");
  EXPECT_EQ(server.requests()[1].headers.get("Range"), "bytes=12-14");
}

TEST(Range, IsRefusedIfItIsAnother) {
  for (const ScriptedAnswer& answer : {part(11, 5), part(10, 6), part(10, 4), whole()}) {
    ScriptedServer server({answer});
    EXPECT_EQ(kind_of([&] { fetch(get_part(server, 10, 5)); }), ErrorKind::corrupt);
  }
}

TEST(Range, OfAServerThatKnowsNoneIsSeenBeforeTheFirstByte) {
  struct Parts final : Receiver {
    bool begin(const Response& response) override { return response.status == 206; }
    void write(oci::Bytes) override { FAIL() << "a byte of what is not wanted"; }
  } receiver;
  ScriptedServer server({whole()});
  const auto curl = make_curl({});
  const Response response =
      make_retry(*curl, without_waiting())->send({}, get_part(server, 10, 5), &receiver);
  EXPECT_TRUE(response.declined);
  EXPECT_EQ(response.status, 200);
}

}  // namespace
}  // namespace davit::transport
