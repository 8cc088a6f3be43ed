#include "oci/base/stream.hpp"

#include <gtest/gtest.h>

#include "oci/base/error.hpp"

namespace davit::oci {
namespace {

TEST(ContentOf, WritesTheSameEachTime) {
  const Content content = content_of("text");
  EXPECT_EQ(collect({}, content, 10, "it"), "text");
  EXPECT_EQ(collect({}, content, 10, "it"), "text");
}

TEST(ContentOf, SharesItsTextBetweenCopies) {
  const Content content = content_of(std::string(1000, 'x'));
  const Content copy = content;
  const void* first = nullptr;
  const void* second = nullptr;
  FunctionSink one([&](Bytes bytes) { first = bytes.data(); });
  FunctionSink two([&](Bytes bytes) { second = bytes.data(); });
  content({}, one);
  copy({}, two);
  EXPECT_EQ(first, second);
}

TEST(Collect, TakesExactlyItsLimit) {
  EXPECT_EQ(collect({}, content_of("12345"), 5, "it"), "12345");
  EXPECT_EQ(collect({}, content_of(""), 0, "it"), "");
}

TEST(Collect, StopsContentThatIsTooLarge) {
  std::uint64_t written = 0;
  const Content endless = [&](const Call&, Sink& sink) {
    while (true) {
      written += 1000;
      sink.write(bytes_of(std::string(1000, 'x')));
    }
  };
  try {
    collect({}, endless, 4500, "the answer");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::corrupt);
    EXPECT_STREQ(error.what(), "the answer is larger than 4500 bytes");
  }
  EXPECT_EQ(written, 5000);
}

TEST(Collect, PassesOnWhatTheContentThrows) {
  const Content failing = [](const Call&, Sink& sink) {
    sink.write(bytes_of("half"));
    throw Error(ErrorKind::unavailable, "gone");
  };
  EXPECT_THROW(collect({}, failing, 100, "it"), Error);
}

TEST(StringSink, KeepsWhatFittedBeforeItsLimit) {
  StringSink sink(5, "it");
  sink.write(bytes_of("1234"));
  EXPECT_THROW(sink.write(bytes_of("56")), Error);
  sink.write(bytes_of("5"));
  EXPECT_EQ(sink.text(), "12345");
  EXPECT_THROW(sink.write(bytes_of("6")), Error);
}

TEST(Tee, WritesToBothInOrder) {
  std::string order;
  FunctionSink first([&](Bytes bytes) { order.append("1").append(text_of(bytes)); });
  FunctionSink second([&](Bytes bytes) { order.append("2").append(text_of(bytes)); });
  Tee tee(first, second);
  tee.write(bytes_of("a"));
  tee.write(bytes_of("b"));
  EXPECT_EQ(order, "1a2a1b2b");
}

TEST(Tee, DoesNotWriteToTheSecondWhatTheFirstRefused) {
  StringSink first(0, "first");
  StringSink second(100, "second");
  Tee tee(first, second);
  EXPECT_THROW(tee.write(bytes_of("a")), Error);
  EXPECT_EQ(second.text(), "");
}

TEST(NullSink, TakesAnything) {
  NullSink sink;
  sink.write(bytes_of("anything"));
  sink.write({});
}

}  // namespace
}  // namespace davit::oci
