#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <limits>
#include <mutex>
#include <optional>
#include <utility>

#include "oci/base/error.hpp"

namespace davit::oci {

/// A bounded first-in first-out queue between threads: who pushes waits while it is full, who pops
/// while it is empty. It ends in one of two ways: `close` lets what is inside be popped, `fail`
/// drops it and reaches everyone at once.
template <class T>
class Queue {
 public:
  explicit Queue(std::size_t capacity = std::numeric_limits<std::size_t>::max())
      : capacity_(capacity) {}

  /// Throws Error(interrupted) once the queue has ended: nobody will pop this.
  void push(T item) {
    std::unique_lock lock(mutex_);
    not_full_.wait(lock, [&] { return ended_ || items_.size() < capacity_; });
    if (ended_) throw Error(ErrorKind::interrupted, "interrupted");
    items_.push_back(std::move(item));
    not_empty_.notify_one();
  }

  /// Nothing once the queue is closed and empty. Throws the failure, if there was one.
  std::optional<T> pop() {
    std::unique_lock lock(mutex_);
    not_empty_.wait(lock, [&] { return ended_ || !items_.empty(); });
    if (failure_) std::rethrow_exception(failure_);
    if (items_.empty()) return std::nullopt;
    std::optional<T> item(std::move(items_.front()));
    items_.pop_front();
    not_full_.notify_one();
    return item;
  }

  /// Nothing more will be pushed.
  void close() { end(nullptr); }

  /// Whoever pops gets this failure, whoever pushes is interrupted. The first failure counts.
  void fail(std::exception_ptr failure) { end(std::move(failure)); }

 private:
  void end(std::exception_ptr failure) {
    std::deque<T> dropped;  // destroyed unlocked: an item may do anything when it goes
    const std::lock_guard lock(mutex_);
    if (failure && !failure_) {
      failure_ = std::move(failure);
      dropped.swap(items_);
    }
    ended_ = true;
    not_full_.notify_all();
    not_empty_.notify_all();
  }

  const std::size_t capacity_;
  std::mutex mutex_;
  std::condition_variable not_full_;
  std::condition_variable not_empty_;
  std::deque<T> items_;
  bool ended_ = false;
  std::exception_ptr failure_;
};

}  // namespace davit::oci
