#pragma once

#include <functional>

namespace davit::tests {

/// How an action ended that ran in a process of its own.
enum class Ended { well, with_error, with_something_else, never };

/// Runs an action in a process to which the system gives `threads` threads beside the first, and
/// refuses more. `never` if it has not ended after ten seconds. Only root can give any at all; for
/// others there are none.
Ended with_threads(int threads, const std::function<void()>& action);

}  // namespace davit::tests
