#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <stop_token>

#include "oci/base/call.hpp"
#include "oci/base/monitor.hpp"
#include "oci/base/threads.hpp"

namespace davit::oci {

/// Runs tasks on at most `limit` threads. The first failure, or a stop of the outer call, stops
/// the rest: tasks not begun are dropped, running ones see it in `call()`. A task may start others
/// of its group, but not wait for them.
class TaskGroup {
 public:
  using Task = std::function<void()>;

  explicit TaskGroup(std::size_t limit, const Call& outer);
  /// Stops and joins; what was not waited for is lost.
  ~TaskGroup();
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  void run(Task task);
  /// Returns when all tasks are done. Throws the first failure, or Error(interrupted).
  void wait();
  /// What tasks pass on to what they call.
  Call call() const { return stop_.call(); }

 private:
  struct State {
    std::deque<Task> waiting;
    std::size_t running = 0;
    bool closed = false;
    std::exception_ptr failure;
  };

  void work();

  const std::size_t limit_;
  const Call outer_;
  Stopper stop_;
  Monitor<State> state_;
  Threads threads_;  // started while the state is held
};

/// Waits, a day at most, but no longer than until a stop is asked for; then throws
/// Error(interrupted).
void sleep_for(const Call& call, std::chrono::milliseconds time);

/// Throws Error(interrupted) if a stop is asked for.
void check_stop(const std::stop_token& stop);

}  // namespace davit::oci
