#pragma once

#include <cstddef>
#include <deque>
#include <limits>
#include <optional>
#include <stop_token>
#include <utility>

#include "oci/base/monitor.hpp"

namespace davit::oci {

/// A bounded first-in first-out queue between threads: who pushes waits while it is full, who pops
/// while it is empty. A stop ends both with Error(interrupted); what is inside is dropped with the
/// queue.
template <class T>
class Queue {
 public:
  explicit Queue(std::stop_token stop = {},
                 std::size_t capacity = std::numeric_limits<std::size_t>::max())
      : stop_(std::move(stop)), capacity_(capacity) {}

  /// Throws Error(interrupted) once the queue is closed, too: nobody will pop this.
  void push(T item) {
    auto state = state_.hold();
    state.wait(stop_, [&] { return state->closed || state->items.size() < capacity_; });
    if (state->closed) throw Error(ErrorKind::interrupted, "interrupted");
    state->items.push_back(std::move(item));
    state.notify();
  }

  /// Nothing once the queue is closed and empty.
  std::optional<T> pop() {
    auto state = state_.hold();
    state.wait(stop_, [&] { return state->closed || !state->items.empty(); });
    if (state->items.empty()) return std::nullopt;
    std::optional<T> item(std::move(state->items.front()));
    state->items.pop_front();
    state.notify();
    return item;
  }

  /// Nothing more will be pushed.
  void close() {
    auto state = state_.hold();
    state->closed = true;
    state.notify();
  }

 private:
  struct State {
    std::deque<T> items;
    bool closed = false;
  };

  const std::stop_token stop_;
  const std::size_t capacity_;
  Monitor<State> state_;
};

}  // namespace davit::oci
