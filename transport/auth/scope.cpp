#include "transport/auth/scope.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace davit::transport {
namespace {

/// Calls `take` with every non-empty piece of `text` between separators.
template <class Take>
void split(std::string_view text, char separator, Take take) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    if (end > 0) take(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

}  // namespace

ScopeSet::ScopeSet(std::span<const std::string> scopes) {
  for (const std::string& scope : scopes) add(scope);
}

ScopeSet ScopeSet::parse(std::string_view text) {
  ScopeSet set;
  split(text, ' ', [&](std::string_view scope) { set.add(scope); });
  return set;
}

void ScopeSet::add(std::string_view scope) {
  // A name may contain a colon (a host's port in it), so the actions are what follows the last of
  // at least two.
  const std::size_t last = scope.rfind(':');
  if (last == std::string_view::npos || scope.find(':') == last) {
    if (!scope.empty()) actions_[std::string(scope)];
    return;
  }
  auto& actions = actions_[std::string(scope.substr(0, last))];
  split(scope.substr(last + 1), ',', [&](std::string_view action) { actions.emplace(action); });
}

bool ScopeSet::covers(const ScopeSet& other) const {
  return std::all_of(other.actions_.begin(), other.actions_.end(), [&](const auto& wanted) {
    const auto own = actions_.find(wanted.first);
    return own != actions_.end() && std::includes(own->second.begin(), own->second.end(),
                                                  wanted.second.begin(), wanted.second.end());
  });
}

std::vector<std::string> ScopeSet::scopes() const {
  std::vector<std::string> result;
  for (const auto& [resource, actions] : actions_) {
    result.push_back(actions.empty() ? resource
                                     : fmt::format("{}:{}", resource, fmt::join(actions, ",")));
  }
  return result;
}

std::string ScopeSet::str() const { return fmt::format("{}", fmt::join(scopes(), " ")); }

}  // namespace davit::transport
