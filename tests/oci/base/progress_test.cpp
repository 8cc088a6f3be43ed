#include "oci/base/progress.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "oci/base/error.hpp"

namespace davit::oci {
namespace {

struct Recorder final : Progress {
  std::vector<BlobEvent> events;
  void update(const BlobEvent& event) override { events.push_back(event); }
};

const BlobEvent copying = {
    .id = "layer 2", .kind = "layer", .state = BlobState::copying, .bytes = 0, .total = 6};

TEST(ProgressSink, PassesBytesOnAndReportsTheirSum) {
  StringSink to(100, "it");
  Recorder recorder;
  ProgressSink sink(to, {.progress = &recorder}, copying);
  sink.write(bytes_of("abc"));
  sink.write(bytes_of("de"));
  EXPECT_EQ(to.text(), "abcde");
  ASSERT_EQ(recorder.events.size(), 2);
  EXPECT_EQ(recorder.events[0].bytes, 3);
  EXPECT_EQ(recorder.events[1].bytes, 5);
  EXPECT_EQ(recorder.events[1].id, "layer 2");
  EXPECT_EQ(recorder.events[1].kind, "layer");
  EXPECT_EQ(recorder.events[1].state, BlobState::copying);
  EXPECT_EQ(recorder.events[1].total, 6);
}

TEST(ProgressSink, ReportsNothingThatWasNotTaken) {
  StringSink to(1, "it");
  Recorder recorder;
  ProgressSink sink(to, {.progress = &recorder}, copying);
  EXPECT_THROW(sink.write(bytes_of("abc")), Error);
  EXPECT_TRUE(recorder.events.empty());
}

TEST(ProgressSink, MayHaveNobodyWatching) {
  StringSink to(100, "it");
  ProgressSink(to, {}, copying).write(bytes_of("abc"));
  EXPECT_EQ(to.text(), "abc");
}

TEST(ProgressSink, TakesNothingAfterAStop) {
  StringSink to(100, "sink");
  std::stop_source stop;
  ProgressSink sink(to, {.stop = stop.get_token()}, copying);
  sink.write(bytes_of("abc"));
  stop.request_stop();
  EXPECT_THROW(sink.write(bytes_of("d")), Error);
  EXPECT_EQ(to.text(), "abc");
}

TEST(ProgressSink, CountsFromZeroForEveryTry) {
  NullSink to;
  Recorder recorder;
  for (int i = 0; i < 2; ++i)
    ProgressSink(to, {.progress = &recorder}, copying).write(bytes_of("abc"));
  EXPECT_EQ(recorder.events[1].bytes, 3);
}

}  // namespace
}  // namespace davit::oci
