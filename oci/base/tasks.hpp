#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

namespace davit::oci {

/// Runs tasks on at most `limit` threads. The first failure, or a stop of the outer token, stops
/// the rest: tasks not begun are dropped, running ones see `stop_token()`. A task may start
/// others of its group, but not wait for them.
class TaskGroup {
 public:
  using Task = std::function<void()>;

  explicit TaskGroup(std::size_t limit, std::stop_token outer = {});
  /// Stops and joins; what was not waited for is lost.
  ~TaskGroup();
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  void run(Task task);
  /// Returns when all tasks are done. Throws the first failure, or Error(interrupted).
  void wait();
  std::stop_token stop_token() const { return stop_.get_token(); }

 private:
  void add_thread();
  void work();

  const std::size_t limit_;
  std::stop_source stop_;
  std::stop_token outer_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Task> waiting_;
  std::size_t running_ = 0;
  bool closed_ = false;
  std::exception_ptr failure_;
  std::stop_callback<std::function<void()>> forward_;
  std::vector<std::jthread> threads_;
};

/// Waits, a day at most, but no longer than until a stop is asked for; then throws
/// Error(interrupted).
void sleep_for(std::chrono::milliseconds time, const std::stop_token& stop);

/// Throws Error(interrupted) if a stop is asked for.
void check_stop(const std::stop_token& stop);

}  // namespace davit::oci
