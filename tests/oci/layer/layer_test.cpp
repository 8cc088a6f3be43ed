#include "oci/layer/layer.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <latch>
#include <stdexcept>
#include <thread>

#include "oci/base/error.hpp"
#include "oci/base/tasks.hpp"
#include "tests/oci/layer/sample.hpp"
#include "tests/support/scarce_threads.hpp"

namespace davit::oci {
namespace {

using tests::decompressed;
using tests::Memory;
using tests::noise;
using tests::source_of;
using tests::words;

Encoding encoding_of(const Compression& compression) {
  switch (compression.format()) {
    case LayerFormat::gzip:
      return Encoding::gzip;
    case LayerFormat::zstd:
      return Encoding::zstd;
    case LayerFormat::tar:
      break;
  }
  return Encoding::none;
}

std::string layer(const std::string& content, const Compression& compression,
                  std::size_t threads = 2, std::size_t piece = std::size_t{1} << 40) {
  CompressionPool pool(threads);
  Memory out;
  write_layer(source_of(content, piece), compression, pool, out);
  return out.text;
}

class Layer : public testing::TestWithParam<const char*> {
 protected:
  const Compression compression_ = Compression::parse(GetParam());
  CompressionPool pool_{2};
};

INSTANTIATE_TEST_SUITE_P(Compressions, Layer, testing::Values("gzip", "gzip:1", "zstd", "none"),
                         [](const auto& name) {
                           std::string text = name.param;
                           std::erase(text, ':');
                           return text;
                         });

TEST_P(Layer, HoldsTheTarAndNamesItsDigestAndSize) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, block_size - 1, block_size,
                                 block_size + 1, 3 * block_size, 5 * block_size + 999}) {
    const std::string content = words(size);
    Memory out;
    const LayerInfo info = write_layer(source_of(content), compression_, pool_, out);
    EXPECT_EQ(decompressed(encoding_of(compression_), out.text), content) << size;
    EXPECT_EQ(info.diff_id, digest_of(bytes_of(content))) << size;
    EXPECT_EQ(info.tar_size, size);
  }
}

TEST_P(Layer, SameBytesForAnyNumberOfThreads) {
  const std::string content = words(5 * block_size + 5) + noise(2 * block_size);
  const std::string one = layer(content, compression_, 1);
  for (const std::size_t threads : {2, 16}) EXPECT_EQ(layer(content, compression_, threads), one);
}

TEST_P(Layer, SameBytesForAnySizeOfWrites) {
  const std::string content = words(3 * block_size + 5);
  const std::string whole = layer(content, compression_, 2);
  for (const std::size_t piece : {std::size_t{512}, std::size_t{10'007}, block_size}) {
    EXPECT_EQ(layer(content, compression_, 2, piece), whole) << piece;
  }
}

TEST_P(Layer, SameBytesWhenLayersShareThePool) {
  constexpr std::size_t layers = 4;
  std::array<std::string, layers> contents;
  std::array<Memory, layers> outs;
  for (std::size_t i = 0; i < layers; ++i) contents[i] = words(4 * block_size + i, i);
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < layers; ++i) {
      threads.emplace_back(
          [&, i] { write_layer(source_of(contents[i]), compression_, pool_, outs[i]); });
    }
  }
  for (std::size_t i = 0; i < layers; ++i)
    EXPECT_EQ(outs[i].text, layer(contents[i], compression_));
}

TEST_P(Layer, ContentWithoutRedundancyGrowsByLessThanAPercent) {
  const std::string content = noise(4 * block_size + 1);
  const std::string bytes = layer(content, compression_);
  EXPECT_LT(bytes.size(), content.size() + content.size() / 100);
  EXPECT_EQ(decompressed(encoding_of(compression_), bytes), content);
}

TEST_P(Layer, GoesOutFromTheCallingThreadInLargePieces) {
  const auto caller = std::this_thread::get_id();
  std::size_t writes = 0;
  bool elsewhere = false;
  FunctionSink out([&](Bytes) {
    ++writes;
    elsewhere |= std::this_thread::get_id() != caller;
  });
  write_layer(source_of(noise(8 * block_size), 512), compression_, pool_, out);
  EXPECT_FALSE(elsewhere);
  EXPECT_LE(writes, 2 * 8 + 2u);
}

TEST_P(Layer, AFailureOfTheTarEndsItWhereverItHappens) {
  const std::string content = words(block_size / 2);
  for (const int pieces : {0, 1, 2, 3, 8, 24}) {
    const TarSource failing = [&](BlockWriter& writer) {
      for (int i = 0; i < pieces; ++i) writer.write(bytes_of(content));
      throw Error(ErrorKind::not_found, "etc/passwd: gone");
    };
    NullSink out;
    try {
      write_layer(failing, compression_, pool_, out);
      FAIL() << "accepted after " << pieces;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::not_found);
      EXPECT_STREQ(error.what(), "etc/passwd: gone");
    }
  }
}

TEST_P(Layer, AFailureOfTheSinkEndsItWhereverItHappens) {
  const std::string content = noise(12 * block_size);
  for (const int at : {0, 1, 2, 7}) {
    int writes = 0;
    FunctionSink failing([&](Bytes) {
      if (writes++ == at) throw Error(ErrorKind::unavailable, "connection cut");
    });
    try {
      write_layer(source_of(content), compression_, pool_, failing);
      FAIL() << "accepted at write " << at;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::unavailable) << at;
    }
    EXPECT_EQ(writes, at + 1) << "nothing is written after a failure";
  }
}

TEST_P(Layer, AFailureOfTheSinkEndsATarThatNeverEnds) {
  const std::string content = noise(5 * block_size);  // more than any window
  const TarSource endless = [&](BlockWriter& writer) {
    while (true) writer.write(bytes_of(content));
  };
  std::uint64_t written = 0;
  FunctionSink full([&](Bytes bytes) {
    written += bytes.size();
    if (written > 2 * block_size) throw Error(ErrorKind::failed, "no space left");
  });
  EXPECT_THROW(write_layer(endless, compression_, pool_, full), Error);
}

TEST_P(Layer, WhenBothEndsFailOneOfTheFailuresComesOut) {
  const std::string content = noise(3 * block_size);
  const TarSource failing = [&](BlockWriter& writer) {
    writer.write(bytes_of(content));
    throw std::runtime_error("tar");
  };
  FunctionSink full([](Bytes) { throw std::runtime_error("sink"); });
  for (int i = 0; i < 20; ++i) {
    EXPECT_THROW(write_layer(failing, compression_, pool_, full), std::runtime_error);
  }
}

TEST_P(Layer, AStopEndsATarThatNeverEnds) {
  std::stop_source stop;
  const std::string content = words(100'000);
  std::uint64_t tar_size = 0;
  const TarSource endless = [&](BlockWriter& writer) {
    while (true) {
      writer.write(bytes_of(content));
      tar_size += content.size();
      if (tar_size > 20 * block_size) stop.request_stop();
    }
  };
  NullSink out;
  try {
    write_layer(endless, compression_, pool_, out, stop.get_token());
    FAIL() << "ended";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::interrupted);
  }
  EXPECT_LT(tar_size, 22 * block_size);
}

TEST_P(Layer, AStopBeforeTheBeginningIsEnough) {
  std::stop_source stop;
  stop.request_stop();
  NullSink out;
  EXPECT_THROW(
      write_layer(source_of(words(block_size * 4)), compression_, pool_, out, stop.get_token()),
      Error);
}

TEST_P(Layer, AStopWakesATarThatWaitsForASlowSink) {
  std::stop_source stop;
  std::latch sink_waits(1);
  const std::string content = noise(40 * block_size);
  FunctionSink slow([&](Bytes) {
    sink_waits.count_down();
    // As a sink does that watches the same token: it returns once a stop is asked for.
    while (!stop.stop_requested()) std::this_thread::yield();
    check_stop(stop.get_token());
  });
  std::jthread stopper([&] {
    sink_waits.wait();
    stop.request_stop();
  });
  EXPECT_THROW(write_layer(source_of(content), compression_, pool_, slow, stop.get_token()), Error);
}

TEST_P(Layer, ALayerThatFailedLeavesThePoolInOrder) {
  const std::string content = words(3 * block_size);
  const std::string expected = layer(content, compression_);
  const std::string failing = noise(8 * block_size);
  for (int i = 0; i < 5; ++i) {
    FunctionSink full([](Bytes) { throw Error(ErrorKind::failed, "no space left"); });
    EXPECT_THROW(write_layer(source_of(failing), compression_, pool_, full), Error);
    Memory out;
    write_layer(source_of(content), compression_, pool_, out);
    EXPECT_EQ(out.text, expected);
  }
}

TEST_P(Layer, ASinkThatIsSlowHoldsTheTarBack) {
  std::atomic<std::uint64_t> read = 0;
  const std::string content = noise(block_size / 4);
  constexpr std::uint64_t pieces = 160;
  const TarSource counted = [&](BlockWriter& writer) {
    for (std::uint64_t i = 0; i < pieces; ++i) {
      writer.write(bytes_of(content));
      read += content.size();
    }
  };
  std::uint64_t written = 0;
  std::uint64_t ahead = 0;
  FunctionSink out([&](Bytes bytes) {
    ahead = std::max(ahead, read - std::min(read.load(), written));
    written += bytes.size();
  });
  write_layer(counted, compression_, pool_, out);
  // Blocks and what waits to go out; libzstd finds repetitions that are further apart and holds
  // its jobs back besides.
  if (compression_.format() != LayerFormat::zstd) {
    EXPECT_LE(ahead, 20 * block_size);
  }
}

TEST(GzipLayer, IsOneMemberWithNothingLeftOver) {
  for (const char* text : {"gzip", "gzip:1", "gzip:9"}) {
    const std::string content = words(4 * block_size + 4711);
    const std::string bytes = layer(content, Compression::parse(text));
    const auto member = tests::zlib_member(bytes);
    EXPECT_EQ(member.content, content) << text;
    EXPECT_EQ(member.left_over, 0u) << text;
  }
}

TEST(GzipLayer, OfNothingIsAMemberOfNothing) {
  EXPECT_EQ(to_hex(bytes_of(layer("", Compression()))), "1f8b08000000000000ff03000000000000000000");
}

TEST(GzipLayer, LibarchiveReadsIt) {
  const std::string content = words(3 * block_size + 1);
  for (const char* text : {"gzip", "gzip:6", "zstd"}) {
    const std::string bytes = layer(content, Compression::parse(text));
    archive* const reader = archive_read_new();
    archive_read_support_filter_gzip(reader);
    archive_read_support_filter_zstd(reader);
    archive_read_support_format_raw(reader);
    archive_entry* entry = nullptr;
    ASSERT_EQ(archive_read_open_memory(reader, bytes.data(), bytes.size()), ARCHIVE_OK);
    ASSERT_EQ(archive_read_next_header(reader, &entry), ARCHIVE_OK);
    std::string read(content.size() + 1, '\0');
    const auto size = archive_read_data(reader, read.data(), read.size());
    ASSERT_EQ(size, static_cast<la_ssize_t>(content.size())) << text;
    read.resize(content.size());
    EXPECT_EQ(read, content) << text;
    archive_read_free(reader);
  }
}

TEST(CompressionPool, EndsWhereTheSystemRefusesAnyOfTheThreads) {
  const auto write = [] { layer(words(3'000'000), Compression::parse("gzip")); };
  // Two of the pool, and two of the tar.
  for (int threads = 0; threads < 4; ++threads) {
    EXPECT_EQ(tests::with_threads(threads, write), tests::Ended::with_error) << threads;
  }
  if (::geteuid() == 0) {
    EXPECT_EQ(tests::with_threads(4, write), tests::Ended::well);
  }
}

TEST(CompressionPool, RunsTasksOnTheCallersThreadWhereItHasNone) {
  const auto run = [] {
    CompressionPool pool(2);
    CompressionPool::Task task([] { return DeflatedBlock{}; });
    auto done = task.get_future();
    pool.run(std::move(task));
    done.get();
  };
  EXPECT_EQ(tests::with_threads(0, run), tests::Ended::well);
}

TEST(CompressionPool, HasAtLeastOneThread) { EXPECT_EQ(CompressionPool(0).threads(), 1u); }

TEST(CompressionPool, DropsWhatHasNotBegunWhenItEnds) {
  std::future<DeflatedBlock> dropped;
  {
    // Before the pool, whose thread may still be leaving one when the pool goes.
    std::latch busy(1);
    std::latch go_on(1);
    CompressionPool pool(1);
    pool.run(CompressionPool::Task([&] {
      busy.count_down();
      go_on.wait();
      return DeflatedBlock{};
    }));
    busy.wait();
    CompressionPool::Task task([]() -> DeflatedBlock { throw std::logic_error("ran"); });
    dropped = task.get_future();
    pool.run(std::move(task));
    std::jthread later([&] { go_on.count_down(); });
    later.join();
  }
  // Either it ran before the pool ended or it was dropped; nobody waits for ever.
  EXPECT_ANY_THROW(dropped.get());
}

}  // namespace
}  // namespace davit::oci
