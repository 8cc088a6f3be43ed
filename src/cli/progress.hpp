#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "oci/base/progress.hpp"

namespace davit::app {

/// How progress is shown on stderr.
enum class ProgressStyle {
  terminal,  ///< a line for each blob, rewritten while it moves, and a total
  plain,     ///< a line when a blob is finished, a total every ten seconds
  json,      ///< an object a line: every change of state, and bytes twice a second
  none,
};

/// "auto" is the terminal's display where stderr is one, else plain lines. Throws Error(usage).
ProgressStyle progress_style(std::string_view name);

/// Shows progress on stderr, and messages without tearing it.
struct Display : oci::Progress {
  virtual void message(std::string_view line) = 0;
};

/// The display ends with the object; what it has shown stays readable.
std::unique_ptr<Display> make_display(ProgressStyle style);

}  // namespace davit::app
