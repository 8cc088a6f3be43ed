#include "oci/base/log.hpp"

#include <utility>

namespace davit::oci {
namespace {

LogSink& target() {
  static LogSink sink;
  return sink;
}

}  // namespace

void set_log(LogSink sink) { target() = std::move(sink); }

void log(LogLevel level, std::string_view message) {
  if (target()) target()(level, message);
}

}  // namespace davit::oci
