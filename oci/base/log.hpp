#pragma once

#include <functional>
#include <string_view>

namespace davit::oci {

enum class LogLevel {
  notice,   ///< what was asked for: the words of a dry run
  warning,  ///< a person should know: a socket was skipped
  info,     ///< -v: what is decided, one line a request
  debug,    ///< -vv: headers too, secrets masked
};

using LogSink = std::function<void(LogLevel, std::string_view)>;

/// Says where messages go; nowhere before the first call. The library itself never prints. Set
/// once, before other threads run.
void set_log(LogSink sink);
void log(LogLevel level, std::string_view message);

}  // namespace davit::oci
