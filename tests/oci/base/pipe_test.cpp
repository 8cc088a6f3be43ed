#include "oci/base/pipe.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <semaphore>
#include <string>

#include "oci/base/error.hpp"
#include "tests/support/scarce_threads.hpp"

namespace davit::oci {
namespace {

template <class Source>
std::string read_all(Source& source, std::size_t piece = 1000) {
  std::string text;
  std::vector<std::byte> buffer(piece);
  while (const std::size_t n = source.read(buffer)) text += text_of(Bytes(buffer).first(n));
  return text;
}

/// Text in which every place can be told from its neighbours.
std::string pattern(std::size_t size) {
  std::string text;
  text.reserve(size);
  for (std::uint32_t i = 0; text.size() < size; ++i)
    text += static_cast<char>(i * 2654435761U >> 24);
  return text;
}

template <class Action>
ErrorKind failure(Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.kind();
  }
  throw std::logic_error("nothing failed");
}

TEST(Pipe, PassesBytesOnInOrderForAnyPieces) {
  const std::string text = pattern(2'000);
  for (const std::size_t capacity : {1, 7, 64, 3'000}) {
    for (const std::size_t written : {1, 5, 64, 1000}) {
      for (const std::size_t read : {1, 3, 64, 5000}) {
        Pipe pipe({}, capacity);
        std::jthread writer([&] {
          for (std::size_t i = 0; i < text.size(); i += written) {
            pipe.write(bytes_of(std::string_view(text).substr(i, written)));
          }
          pipe.close();
        });
        ASSERT_EQ(read_all(pipe, read), text) << capacity << " " << written << " " << read;
      }
    }
  }
}

TEST(Pipe, TakesACapacityOfZeroAsOne) {
  Pipe pipe({}, 0);
  std::jthread writer([&] {
    pipe.write(bytes_of("abc"));
    pipe.close();
  });
  EXPECT_EQ(read_all(pipe), "abc");
}

TEST(Pipe, GivesWhatIsThereWithoutWaitingForMore) {
  Pipe pipe({}, 100);
  pipe.write(bytes_of("abc"));
  std::array<std::byte, 10> buffer;
  EXPECT_EQ(pipe.read(buffer), 3);
}

TEST(Pipe, TakesAnEmptyWrite) {
  Pipe pipe({}, 1);
  pipe.write({});
  pipe.close();
  EXPECT_EQ(read_all(pipe), "");
}

TEST(Pipe, StaysAtItsEnd) {
  Pipe pipe({}, 10);
  pipe.close();
  std::array<std::byte, 10> buffer;
  EXPECT_EQ(pipe.read(buffer), 0);
  EXPECT_EQ(pipe.read(buffer), 0);
}

TEST(Pipe, ThrowsAFailureAfterTheBytesBeforeIt) {
  Pipe pipe({}, 10);
  pipe.write(bytes_of("half"));
  pipe.close(std::make_exception_ptr(Error(ErrorKind::unavailable, "gone")));
  std::array<std::byte, 10> buffer;
  EXPECT_EQ(pipe.read(buffer), 4);
  EXPECT_EQ(failure([&] { pipe.read(buffer); }), ErrorKind::unavailable);
  EXPECT_EQ(failure([&] { pipe.read(buffer); }), ErrorKind::unavailable) << "each time";
}

TEST(Pipe, RefusesToWriteOnceItIsStopped) {
  std::stop_source stop;
  Pipe pipe(stop.get_token(), 10);
  stop.request_stop();
  EXPECT_EQ(failure([&] { pipe.write(bytes_of("x")); }), ErrorKind::interrupted);
  EXPECT_EQ(failure([&] { pipe.write(bytes_of("x")); }), ErrorKind::interrupted);
}

TEST(Pipe, AStopWakesAWriterThatWaitsForRoom) {
  std::stop_source stop;
  Pipe pipe(stop.get_token(), 4);
  std::binary_semaphore filled(0);
  std::atomic<bool> interrupted = false;
  std::jthread writer([&] {
    pipe.write(bytes_of("full"));
    filled.release();
    interrupted = failure([&] { pipe.write(bytes_of("more")); }) == ErrorKind::interrupted;
  });
  filled.acquire();
  stop.request_stop();
  writer.join();
  EXPECT_TRUE(interrupted);
}

TEST(Pipe, WakesAReaderThatWaitsForBytesWhenTheWriterEnds) {
  Pipe pipe({}, 4);
  std::jthread writer([&] { pipe.close(); });
  EXPECT_EQ(read_all(pipe), "");
}

TEST(Pipe, AStopWakesAReaderThatWaitsForBytes) {
  std::stop_source stop;
  Pipe pipe(stop.get_token(), 4);
  const std::jthread stopper([&] { stop.request_stop(); });
  std::array<std::byte, 10> buffer;
  EXPECT_EQ(failure([&] { pipe.read(buffer); }), ErrorKind::interrupted);
}

TEST(Pipe, MayBeClosedAfterAStop) {
  std::stop_source stop;
  Pipe pipe(stop.get_token(), 4);
  stop.request_stop();
  pipe.close();
  pipe.close(std::make_exception_ptr(Error(ErrorKind::failed, "late")));
}

Content content_in_pieces(std::string text, std::size_t piece) {
  return [text = std::move(text), piece](const Call&, Sink& sink) {
    for (std::size_t i = 0; i < text.size(); i += piece) {
      sink.write(bytes_of(std::string_view(text).substr(i, piece)));
    }
  };
}

TEST(Reader, PullsWhatAContentPushes) {
  const std::string text = pattern(100'000);
  Reader reader({}, content_in_pieces(text, 999), 4096);
  EXPECT_EQ(read_all(reader), text);
}

TEST(Reader, ThrowsWhatTheContentThrew) {
  Reader reader({}, [](const Call&, Sink& sink) {
    sink.write(bytes_of("half"));
    throw Error(ErrorKind::corrupt, "digest differs");
  });
  std::array<std::byte, 100> buffer;
  EXPECT_EQ(reader.read(buffer), 4);
  EXPECT_EQ(failure([&] { reader.read(buffer); }), ErrorKind::corrupt);
}

TEST(Reader, SaysThatTheSystemRefusesItsThread) {
  const auto read = [] { Reader reader({}, content_of("never read")); };
  EXPECT_EQ(tests::with_threads(0, read), tests::Ended::with_error);
}

TEST(Reader, ThrowsWhatIsNoErrorOfOurs) {
  Reader reader({}, [](const Call&, Sink&) { throw std::bad_alloc(); });
  std::array<std::byte, 1> buffer;
  EXPECT_THROW(reader.read(buffer), std::bad_alloc);
}

TEST(Reader, EndsItsContentWhenItGoesInTheMiddle) {
  std::atomic<bool> interrupted = false;
  {
    Reader reader(
        {},
        [&](const Call&, Sink& sink) {
          try {
            while (true) sink.write(bytes_of("endless"));
          } catch (const Error& error) {
            interrupted = error.kind() == ErrorKind::interrupted;
            throw;
          }
        },
        64);
    std::array<std::byte, 10> buffer;
    reader.read(buffer);
  }
  EXPECT_TRUE(interrupted);
}

TEST(Reader, EndsAContentThatIgnoresThatNobodyReads) {
  std::atomic<int> refused = 0;
  {
    Reader reader(
        {},
        [&](const Call&, Sink& sink) {
          for (int i = 0; i < 100; ++i) {
            try {
              sink.write(bytes_of(std::string(64, 'x')));
            } catch (const Error&) {
              ++refused;
            }
          }
        },
        64);
    std::array<std::byte, 1> buffer;
    reader.read(buffer);
  }
  EXPECT_GE(refused, 98);
}

TEST(Reader, MayGoBeforeItsContentBegins) {
  for (int i = 0; i < 50; ++i) Reader reader({}, content_of("never read"), 2);
}

TEST(Reader, FreesItsContentBeforeItIsGone) {
  const auto held = std::make_shared<int>(1);
  {
    Reader reader({}, [held](const Call&, Sink&) {});
  }
  EXPECT_EQ(held.use_count(), 1);
}

TEST(Reader, MayReadFromAnotherReader) {
  const std::string text = pattern(50'000);
  Reader outer(
      {},
      [&](const Call&, Sink& sink) {
        Reader inner({}, content_in_pieces(text, 100), 64);
        std::array<std::byte, 77> buffer;
        while (const std::size_t n = inner.read(buffer)) sink.write(Bytes(buffer).first(n));
      },
      64);
  EXPECT_EQ(read_all(outer), text);
}

}  // namespace
}  // namespace davit::oci
