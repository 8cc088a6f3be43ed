#pragma once

#include <signal.h>

#include <atomic>
#include <stop_token>

#include "oci/base/threads.hpp"

namespace davit::app {

/// Hears the signals of this process on a thread of its own; made before any other thread.
///
/// The first SIGINT, SIGTERM or SIGHUP asks everything to stop, the second ends the program at
/// once, as SIGQUIT does. However it ends, and while SIGTSTP pauses it, the terminal is as it was.
/// SIGUSR1 says nothing to this program.
class Interrupts {
 public:
  Interrupts();
  ~Interrupts();
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

  std::stop_token token() const { return stop_.get_token(); }

 private:
  void listen();

  sigset_t signals_{};
  std::stop_source stop_;
  std::atomic<bool> ended_ = false;
  oci::Threads listener_;
};

}  // namespace davit::app
