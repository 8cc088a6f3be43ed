#include "src/cli/interrupts.hpp"

#include <pthread.h>
#include <unistd.h>

#include <cerrno>

#include "src/cli/terminal.hpp"

namespace davit::app {
namespace {

/// What a signal does to a process that does not listen: end it, or pause it until it is continued.
void take_default(int number) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, number);
  // To this thread alone, since all others block it.
  pthread_kill(pthread_self(), number);
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

}  // namespace

Interrupts::Interrupts() {
  sigemptyset(&signals_);
  for (const int number : {SIGINT, SIGTERM, SIGUSR1}) sigaddset(&signals_, number);
  // What is ignored stays so: a hang-up under nohup, the others under a shell without jobs.
  for (const int number : {SIGHUP, SIGQUIT, SIGTSTP}) {
    struct sigaction inherited {};
    sigaction(number, nullptr, &inherited);
    if (inherited.sa_handler != SIG_IGN) sigaddset(&signals_, number);
  }
  // Blocked before there are other threads, which inherit it.
  pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  try {
    listener_.start([this] { listen(); });
  } catch (...) {
    pthread_sigmask(SIG_UNBLOCK, &signals_, nullptr);
    throw;
  }
}

Interrupts::~Interrupts() {
  ended_ = true;
  // One that came in this moment from elsewhere is as good.
  kill(getpid(), SIGUSR1);
  listener_.join();
}

void Interrupts::listen() {
  while (true) {
    int number = 0;
    if (sigwait(&signals_, &number) != 0) continue;
    if (number == SIGUSR1) {
      if (ended_) return;
    } else if (number == SIGTSTP) {
      show_input();
      take_default(number);
      hide_input();
    } else if (number == SIGQUIT) {
      show_input();
      take_default(number);
    } else if (stop_.stop_requested()) {
      show_input();
      _exit(130);
    } else {
      stop_.request_stop();
    }
  }
}

}  // namespace davit::app
