#include "oci/store/blobs_ahead.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "oci/base/error.hpp"
#include "oci/store/memory.hpp"
#include "tests/oci/store/parts.hpp"
#include "tests/support/scarce_threads.hpp"

namespace davit::tests {
namespace {

using namespace oci;
using std::chrono::hours;
using std::chrono::nanoseconds;

class FetchingAhead : public testing::Test {
 protected:
  void SetUp() override {
    for (const std::string& text : texts_) {
      blobs_.push_back(put(*source_, media::oci_layer, text));
    }
  }
  std::string fetch(BlobsAhead& ahead, std::size_t number) const {
    StringSink sink(100 * MiB, "blob");
    ahead.fetch({}, number, sink);
    return sink.text();
  }
  void expect_all(BlobsAhead::Clock::duration patience) {
    BlobsAhead ahead({}, from_, blobs_, patience);
    for (std::size_t i = 0; i < blobs_.size(); ++i) {
      EXPECT_EQ(fetch(ahead, i), texts_[i]) << i;
    }
  }

  inline static const std::vector<std::string> texts_ = {noise(7'000'000, 1), "small", "",
                                                         noise(30'000'000, 2), noise(4'000'000, 3)};
  std::vector<Descriptor> blobs_;
  std::unique_ptr<Store> source_ = make_memory_store("source");
  GivesParts from_{*source_};
};

TEST_F(FetchingAhead, GivesBlobsInTheirOrderFromParts) {
  expect_all(nanoseconds(0));
  EXPECT_EQ(from_.whole, 0);
  EXPECT_GT(from_.asked.size(), blobs_.size());
  for (const Part& part : from_.asked) EXPECT_LE(part.size, 3 * MiB);
}

TEST_F(FetchingAhead, StreamsWhatIsNotWaitedFor) {
  expect_all(hours(1));
  EXPECT_EQ(from_.asked.size(), 4u);  // The empty one is not asked for.
}

TEST_F(FetchingAhead, GoesOnInPartsInTheMiddleOfAStream) {
  expect_all(nanoseconds(1));
  EXPECT_EQ(from_.asked[0].size, 7'000'000u);
  const bool goes_on = std::any_of(from_.asked.begin(), from_.asked.end(), [](const Part& part) {
    return part.offset == GivesParts::piece;
  });
  EXPECT_TRUE(goes_on);
  EXPECT_EQ(from_.whole, 0);
}

TEST_F(FetchingAhead, GoesOnInPartsAfterAStreamThatEndedBeforeItWasStopped) {
  const std::vector<Descriptor> blobs = {blobs_[1], blobs_[0]};  // One write is all of the first.
  BlobsAhead ahead({}, from_, blobs, nanoseconds(1));
  EXPECT_EQ(fetch(ahead, 0), texts_[1]);
  EXPECT_EQ(fetch(ahead, 1), texts_[0]);
  for (const Part& part : from_.asked) EXPECT_LE(part.size, 3 * MiB);
}

TEST_F(FetchingAhead, TakesBlobsWholeFromAStoreThatGivesNoParts) {
  from_.gives = false;
  expect_all(hours(1));
  EXPECT_EQ(from_.whole, 5);
}

TEST_F(FetchingAhead, TakesTheRestFromTheWholeWhereAPartIsNotGiven) {
  for (const std::size_t every : {2u, 3u, 5u}) {
    from_.asked.clear();
    from_.refuses_every = every;
    expect_all(nanoseconds(0));
    EXPECT_GT(from_.whole, 0);
  }
}

TEST_F(FetchingAhead, ServesTwoReadersAtOnce) {
  for (const auto patience : {nanoseconds(0), nanoseconds(hours(1))}) {
    BlobsAhead ahead({}, from_, blobs_, patience);
    std::string later;
    {
      const std::jthread reader([&] { later = fetch(ahead, 1); });
      EXPECT_EQ(fetch(ahead, 0), texts_[0]);
    }
    EXPECT_EQ(later, texts_[1]);
  }
}

TEST_F(FetchingAhead, IsNotFurtherAheadThanItsMemory) {
  BlobsAhead ahead({}, from_, {blobs_[3]}, nanoseconds(0));
  std::uint64_t taken = 0;
  std::uint64_t furthest = 0;
  FunctionSink sink([&](Bytes bytes) {
    taken += bytes.size();
    furthest = std::max(furthest, from_.bytes_asked() - taken);
  });
  ahead.fetch({}, 0, sink);
  EXPECT_LE(furthest, 24 * MiB);
}

TEST_F(FetchingAhead, EndsWhereTheSystemRefusesThreads) {
  EXPECT_EQ(with_threads(0, [&] { expect_all(nanoseconds(0)); }), Ended::with_error);
  EXPECT_EQ(with_threads(0, [&] { expect_all(nanoseconds(1)); }), Ended::with_error);
}

TEST_F(FetchingAhead, HandsAFailureOver) {
  from_.breaks_after = 8 * MiB;
  BlobsAhead ahead({}, from_, blobs_, nanoseconds(0));
  EXPECT_EQ(kind_thrown([&] {
              for (std::size_t i = 0; i < blobs_.size(); ++i) fetch(ahead, i);
            }),
            ErrorKind::unavailable);
}

TEST_F(FetchingAhead, RefusesWhatHasAnotherDigest) {
  blobs_[0].digest = blobs_[4].digest;
  blobs_[0].size = 3'000'000;
  for (const auto patience : {nanoseconds(0), nanoseconds(hours(1))}) {
    BlobsAhead ahead({}, from_, blobs_, patience);
    EXPECT_EQ(kind_thrown([&] { fetch(ahead, 0); }), ErrorKind::corrupt);
  }
}

TEST_F(FetchingAhead, WakesWhoeverWaitsWhenItIsStopped) {
  for (const auto patience : {nanoseconds(0), nanoseconds(hours(1))}) {
    BlobsAhead ahead({}, from_, blobs_, patience);
    std::optional<ErrorKind> kind;
    {
      std::stop_source stop;
      NullSink nowhere;
      const std::jthread reader([&] {
        kind = kind_thrown([&] { ahead.fetch({.stop = stop.get_token()}, 1, nowhere); });
      });
      stop.request_stop();
    }
    EXPECT_EQ(kind, ErrorKind::interrupted);
  }
}

}  // namespace
}  // namespace davit::tests
