#pragma once

// For sources only: brings nlohmann/json in.

#include <nlohmann/json.hpp>

#include <string>

namespace davit::app {

/// A JSON result as scripts get it: one line. What others wrote need not be UTF-8.
inline std::string json_text(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace davit::app
