#pragma once

#include <functional>
#include <stop_token>
#include <utility>

namespace davit::oci {

struct Progress;

/// What goes with every call that may take time: how its caller asks it to end, and who watches.
/// It is passed down as it is; whoever starts work of its own for a call gives that work a stop of
/// its own (`Stopper`), so that the first failure ends it, too.
///
/// A call that is stopped throws Error(interrupted) within milliseconds, whatever it waits for.
struct Call {
  std::stop_token stop = {};
  Progress* progress = nullptr;  ///< null: nobody watches

  /// Throws Error(interrupted) if a stop is asked for.
  void check() const;
};

/// A stop that comes from outside or from here.
class Stopper {
 public:
  explicit Stopper(const Call& outer)
      : progress_(outer.progress), forward_(outer.stop, [this] { source_.request_stop(); }) {}

  void request_stop() { source_.request_stop(); }
  bool stop_requested() const { return source_.stop_requested(); }
  /// The outer call, but for its stop, which is this one.
  Call call() const { return {source_.get_token(), progress_}; }

 private:
  std::stop_source source_;
  Progress* progress_;
  std::stop_callback<std::function<void()>> forward_;
};

}  // namespace davit::oci
