#pragma once

#include <cstddef>
#include <exception>
#include <span>
#include <stop_token>
#include <vector>

#include "oci/base/monitor.hpp"
#include "oci/base/stream.hpp"
#include "oci/base/threads.hpp"

namespace davit::oci {

/// A bounded byte queue between one writing and one reading thread: the writer waits while it is
/// full, the reader while it is empty. A stop ends both with Error(interrupted).
class Pipe final : public Sink {
 public:
  static constexpr std::size_t default_capacity = 1 * MiB;

  explicit Pipe(std::stop_token stop = {}, std::size_t capacity = default_capacity)
      : stop_(std::move(stop)), state_(capacity == 0 ? 1 : capacity) {}

  /// Writer's side.
  void write(Bytes bytes) override;
  /// No more bytes will come; with a failure, the reader throws it after the bytes so far.
  void close(std::exception_ptr failure = nullptr);

  /// Reader's side. At least one byte unless the end is reached, then 0.
  std::size_t read(std::span<std::byte> into);

 private:
  struct State {
    explicit State(std::size_t capacity) : ring(capacity) {}

    std::vector<std::byte> ring;
    std::size_t start = 0;
    std::size_t used = 0;
    bool closed = false;
    std::exception_ptr failure;
  };

  const std::stop_token stop_;
  Monitor<State> state_;
};

/// Pulls what a Content pushes, for the C interfaces that want to be fed. The content runs on a
/// thread of its own, which ends with this object: the content is stopped where nobody wants the
/// rest of it.
class Reader {
 public:
  /// Throws Error(failed) if the system refuses the thread.
  Reader(const Call& call, Content content, std::size_t capacity = Pipe::default_capacity);
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  /// At least one byte unless the end is reached, then 0. Throws what the content threw.
  std::size_t read(std::span<std::byte> into) { return pipe_.read(into); }

 private:
  Stopper stop_;
  Pipe pipe_;
  Threads thread_;
};

}  // namespace davit::oci
