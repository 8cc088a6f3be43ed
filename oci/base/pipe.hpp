#pragma once

#include <condition_variable>
#include <cstddef>
#include <exception>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "oci/base/stream.hpp"

namespace davit::oci {

/// A bounded byte queue between one writing and one reading thread: the writer waits while it is
/// full, the reader while it is empty.
class Pipe final : public Sink {
 public:
  static constexpr std::size_t default_capacity = 1 * MiB;

  explicit Pipe(std::size_t capacity = default_capacity) : ring_(capacity == 0 ? 1 : capacity) {}

  /// Writer's side. Throws Error(interrupted) once the reader has gone.
  void write(Bytes bytes) override;
  /// No more bytes will come; with a failure, the reader throws it after the bytes so far.
  void close(std::exception_ptr failure = nullptr);

  /// Reader's side. At least one byte unless the end is reached, then 0.
  std::size_t read(std::span<std::byte> into);
  /// No more bytes are wanted: wakes the writer, whose write throws.
  void abandon();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::byte> ring_;
  std::size_t start_ = 0;
  std::size_t used_ = 0;
  bool closed_ = false;
  bool abandoned_ = false;
  std::exception_ptr failure_;
};

/// Pulls what a Content pushes, for the C interfaces that want to be fed. The content runs on a
/// thread of its own, which ends with this object: the content is stopped where nobody wants the
/// rest of it.
class Reader {
 public:
  Reader(const Call& call, Content content, std::size_t capacity = Pipe::default_capacity);
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  /// At least one byte unless the end is reached, then 0. Throws what the content threw.
  std::size_t read(std::span<std::byte> into) { return pipe_.read(into); }

 private:
  Stopper stop_;
  Pipe pipe_;
  std::jthread thread_;
};

}  // namespace davit::oci
