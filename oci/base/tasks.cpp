#include "oci/base/tasks.hpp"

#include <algorithm>
#include <system_error>

#include "oci/base/error.hpp"

namespace davit::oci {

TaskGroup::TaskGroup(std::size_t limit, const Call& outer)
    : limit_(limit == 0 ? 1 : limit), outer_(outer), stop_(outer) {}

TaskGroup::~TaskGroup() {
  stop_.request_stop();
  {
    auto state = state_.hold();
    state->closed = true;
    state.notify();
  }
  threads_.join();  // Each drops what still waits before it ends.
}

void TaskGroup::run(Task task) {
  auto state = state_.hold();
  if (stop_.stop_requested()) return;
  // A thread that waits takes it; otherwise there is one more, up to the limit. The limit of the
  // system is a smaller one, as long as somebody works. The thread comes first: were it refused
  // after the task was queued, wait() would wait for nobody.
  const bool all_busy = state->running + state->waiting.size() >= threads_.size();
  if (threads_.empty()) {
    threads_.start([this] { work(); });
  } else if (all_busy && threads_.size() < limit_) {
    threads_.try_start([this] { work(); });
  }
  state->waiting.push_back(std::move(task));
  state.notify();
}

void TaskGroup::work() {
  auto state = state_.hold();
  while (true) {
    // Nothing but the end of the group ends this: after a stop, what waits is dropped.
    state.wait({}, [&] { return state->closed || !state->waiting.empty(); });
    if (state->waiting.empty()) return;
    Task task = std::move(state->waiting.front());
    state->waiting.pop_front();
    ++state->running;
    std::exception_ptr failure;
    state.without([&] {
      try {
        if (!stop_.stop_requested()) task();
      } catch (...) {
        failure = std::current_exception();
      }
      // Done or dropped: what a task holds may do anything when it goes.
      task = nullptr;
    });
    if (failure && !state->failure) {
      state->failure = failure;
      // Whoever listens to the stop may be another task of this group.
      state.without([&] { stop_.request_stop(); });
    }
    --state->running;
    state.notify();
  }
}

void TaskGroup::wait() {
  auto state = state_.hold();
  state.wait({}, [&] { return state->waiting.empty() && state->running == 0; });
  if (state->failure) std::rethrow_exception(state->failure);
  outer_.check();
}

void sleep_for(const Call& call, std::chrono::milliseconds time) {
  std::mutex mutex;
  std::condition_variable_any condition;
  std::unique_lock lock(mutex);
  // A server may ask for more than the clock can add to now; a day is as good as that.
  time = std::min<std::chrono::milliseconds>(time, std::chrono::hours(24));
  condition.wait_for(lock, call.stop, time, [] { return false; });
  call.check();
}

void check_stop(const std::stop_token& stop) { Call{.stop = stop}.check(); }

}  // namespace davit::oci
