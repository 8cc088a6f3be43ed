#pragma once

#include <cstddef>
#include <functional>
#include <thread>
#include <vector>

namespace davit::oci {

/// Threads that are joined with this object. The system may refuse to start one (a limit of
/// processes, a container without memory). What can work with fewer threads uses `try_start` and
/// goes on without. What cannot uses `start`, and wakes the threads that wait already before it
/// passes the failure on: otherwise they would be waited for without an end.
class Threads {
 public:
  /// False if the system refuses.
  bool try_start(std::function<void()> work) noexcept;
  /// Throws Error(failed) if the system refuses.
  void start(std::function<void()> work);

  std::size_t size() const { return threads_.size(); }
  bool empty() const { return threads_.empty(); }
  /// Waits for all of them; there are none afterwards.
  void join() { threads_.clear(); }

 private:
  std::vector<std::jthread> threads_;
};

}  // namespace davit::oci
