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
    const std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }
  threads_.clear();  // each drops what still waits before it ends
}

void TaskGroup::run(Task task) {
  const std::lock_guard lock(mutex_);
  if (stop_.stop_requested()) return;
  // A thread that waits takes it; otherwise there is one more, up to the limit. The thread comes
  // first: were it refused after the task was queued, wait() would wait for nobody.
  if (threads_.size() < limit_ && running_ + waiting_.size() + 1 > threads_.size()) add_thread();
  waiting_.push_back(std::move(task));
  changed_.notify_all();
}

void TaskGroup::add_thread() {
  try {
    threads_.emplace_back([this] { work(); });
  } catch (const std::system_error&) {
    // The limit of the system is a smaller limit, as long as somebody works.
    if (threads_.empty()) throw Error(ErrorKind::failed, "the system refuses to start a thread");
  }
}

void TaskGroup::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return closed_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    Task task = std::move(waiting_.front());
    waiting_.pop_front();
    ++running_;
    lock.unlock();
    std::exception_ptr failure;
    try {
      if (!stop_.stop_requested()) task();
    } catch (...) {
      failure = std::current_exception();
    }
    // Unlocked, done or dropped: what a task holds may do anything when it goes.
    task = nullptr;
    lock.lock();
    if (failure && !failure_) {
      failure_ = failure;
      // Unlocked, because whoever listens to the stop may be another task of this group.
      lock.unlock();
      stop_.request_stop();
      lock.lock();
    }
    --running_;
    changed_.notify_all();
  }
}

void TaskGroup::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return waiting_.empty() && running_ == 0; });
  if (failure_) std::rethrow_exception(failure_);
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
