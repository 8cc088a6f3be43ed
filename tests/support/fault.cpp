#include "tests/support/fault.hpp"

#include <array>
#include <regex>
#include <stdexcept>
#include <utility>

namespace davit::tests {
namespace {

constexpr std::array<std::pair<std::string_view, FaultKind>, 23> kinds{{
    {"status", FaultKind::status},
    {"early_status", FaultKind::early_status},
    {"challenge", FaultKind::challenge},
    {"html", FaultKind::html},
    {"redirect", FaultKind::redirect},
    {"raw", FaultKind::raw},
    {"delay", FaultKind::delay},
    {"stall_request", FaultKind::stall_request},
    {"stall_answer", FaultKind::stall_answer},
    {"cut_request", FaultKind::cut_request},
    {"lose_answer", FaultKind::lose_answer},
    {"cut_answer", FaultKind::cut_answer},
    {"wrong_length", FaultKind::wrong_length},
    {"flip_byte", FaultKind::flip_byte},
    {"wrong_digest", FaultKind::wrong_digest},
    {"no_digest", FaultKind::no_digest},
    {"ignore_range", FaultKind::ignore_range},
    {"wrong_range", FaultKind::wrong_range},
    {"ignore_mount", FaultKind::ignore_mount},
    {"created", FaultKind::created},
    {"stale_range", FaultKind::stale_range},
    {"upload_elsewhere", FaultKind::upload_elsewhere},
    {"relative_location", FaultKind::relative_location},
}};

FaultKind parse_kind(std::string_view text) {
  for (const auto& [name, kind] : kinds) {
    if (name == text) return kind;
  }
  throw std::invalid_argument("no such kind of fault: " + std::string(text));
}

void set_member(Fault& fault, std::string_view name, const std::string& value) {
  if (name == "method") {
    fault.method = value;
  } else if (name == "path") {
    fault.path = value;
  } else if (name == "after") {
    fault.after = std::stoi(value);
  } else if (name == "times") {
    fault.times = value == "always" ? always : std::stoi(value);
  } else if (name == "kind") {
    fault.kind = parse_kind(value);
  } else if (name == "status") {
    fault.status = std::stoi(value);
  } else if (name == "header") {
    const std::size_t colon = value.find(": ");
    if (colon == std::string::npos) throw std::invalid_argument("not a header: " + value);
    fault.headers.add(value.substr(0, colon), value.substr(colon + 2));
  } else if (name == "body") {
    fault.body = value;
  } else if (name == "bytes") {
    fault.bytes = std::stoull(value);
  } else if (name == "delay") {
    fault.delay = std::chrono::milliseconds(std::stoi(value));
  } else if (name == "closing" && value == "reset") {
    fault.closing = Closing::reset;
  } else if (name == "port" && value == "blob_host") {
    fault.port = Port::blob_host;
  } else {
    throw std::invalid_argument("not part of a fault: " + std::string(name) + "=" + value);
  }
}

}  // namespace

Fault parse_fault(std::string_view text) {
  Fault fault;
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find(';'));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos) {
      throw std::invalid_argument("not NAME=VALUE: " + std::string(part));
    }
    set_member(fault, part.substr(0, equals), std::string(part.substr(equals + 1)));
  }
  return fault;
}

/// Apart from the header, which many include, for the sake of <regex>.
struct Faults::Armed {
  Fault fault;
  std::regex path;
};

Faults::Faults() = default;
Faults::~Faults() = default;

void Faults::add(Fault fault) {
  std::regex path(fault.path);
  const std::lock_guard lock(mutex_);
  armed_.push_back({std::move(fault), std::move(path)});
}

void Faults::clear() {
  const std::lock_guard lock(mutex_);
  armed_.clear();
}

std::vector<Fault> Faults::strike(Port port, std::string_view method, const std::string& target) {
  std::vector<Fault> struck;
  const std::lock_guard lock(mutex_);
  for (auto& [fault, path] : armed_) {
    if (fault.port != port || fault.times == 0) continue;
    if (!fault.method.empty() && fault.method != method) continue;
    if (!std::regex_search(target, path)) continue;
    if (fault.after > 0) {
      --fault.after;
      continue;
    }
    if (fault.times != always) --fault.times;
    struck.push_back(fault);
  }
  return struck;
}

}  // namespace davit::tests
