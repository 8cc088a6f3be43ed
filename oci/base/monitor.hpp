#pragma once

#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <utility>

#include "oci/base/error.hpp"

namespace davit::oci {

/// State that threads share: one of them at a time holds it, and may wait, with others let in
/// meanwhile, until it is as it wants it. Every wait hears a stop.
template <class State>
class Monitor {
 public:
  template <class... Arguments>
  explicit Monitor(Arguments&&... arguments) : state_(std::forward<Arguments>(arguments)...) {}

  /// The state is this thread's as long as this lives.
  class Held {
   public:
    explicit Held(Monitor& monitor) : monitor_(monitor), lock_(monitor.mutex_) {}

    State& operator*() { return monitor_.state_; }
    State* operator->() { return &monitor_.state_; }

    /// Waits until `ready()` says so. Throws Error(interrupted) as soon as a stop is asked for,
    /// also where nothing would have been waited for.
    template <class Ready>
    void wait(const std::stop_token& stop, Ready ready) {
      monitor_.changed_.wait(lock_, stop, std::move(ready));
      if (stop.stop_requested()) throw Error(ErrorKind::interrupted, "interrupted");
    }
    /// To be called after every change that others may wait for: wakes all of them.
    void notify() { monitor_.changed_.notify_all(); }

    /// Lets others in while `action` runs.
    template <class Action>
    void without(Action action) {
      struct Again {
        std::unique_lock<std::mutex>& lock;
        ~Again() { lock.lock(); }
      };
      lock_.unlock();
      const Again again{lock_};
      action();
    }

   private:
    Monitor& monitor_;
    std::unique_lock<std::mutex> lock_;
  };

  Held hold() { return Held(*this); }

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  State state_;
};

}  // namespace davit::oci
