#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "oci/base/bytes.hpp"
#include "oci/base/call.hpp"

namespace davit::oci {

/// Where bytes go. A write takes all of its bytes or throws.
struct Sink {
  virtual ~Sink() = default;
  virtual void write(Bytes bytes) = 0;
};

/// Writes the same bytes into whatever sink it is given, each time it is called: a retry needs no
/// rewind. The call is that of whoever wants the bytes: its stop ends the content, too.
using Content = std::function<void(const Call&, Sink&)>;

/// Content that is text in memory.
Content content_of(std::string text);

/// All that `content` writes. Throws Error(corrupt) naming `what` beyond `limit` bytes.
std::string collect(const Call& call, const Content& content, std::uint64_t limit,
                    std::string_view what);

/// Calls a function with every write.
class FunctionSink final : public Sink {
 public:
  explicit FunctionSink(std::function<void(Bytes)> take) : take_(std::move(take)) {}
  void write(Bytes bytes) override { take_(bytes); }

 private:
  std::function<void(Bytes)> take_;
};

/// Passes bytes on until the call is stopped.
class StoppingSink final : public Sink {
 public:
  StoppingSink(const Call& call, Sink& to) : call_(call), to_(to) {}
  void write(Bytes bytes) override {
    call_.check();
    to_.write(bytes);
  }

 private:
  const Call call_;
  Sink& to_;
};

/// Takes bytes and forgets them.
class NullSink final : public Sink {
 public:
  void write(Bytes) override {}
};

/// Text in memory, at most `limit` bytes; throws Error(corrupt) naming `what` beyond.
class StringSink final : public Sink {
 public:
  StringSink(std::uint64_t limit, std::string_view what) : limit_(limit), what_(what) {}
  void write(Bytes bytes) override;
  std::string& text() { return text_; }

 private:
  std::uint64_t limit_;
  std::string what_;
  std::string text_;
};

/// Passes bytes on to one sink after the other.
class Tee final : public Sink {
 public:
  Tee(Sink& first, Sink& second) : first_(first), second_(second) {}
  void write(Bytes bytes) override {
    first_.write(bytes);
    second_.write(bytes);
  }

 private:
  Sink& first_;
  Sink& second_;
};

}  // namespace davit::oci
