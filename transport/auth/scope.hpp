#pragma once

#include <compare>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace davit::transport {

/// What a bearer token allows, "repository:NAME:pull,push" and the like (distribution token
/// specification, "Token Scope"), in canonical form: order and repetition do not matter, actions
/// on one resource are joined. A scope of another shape stands for itself.
class ScopeSet {
 public:
  ScopeSet() = default;
  explicit ScopeSet(std::span<const std::string> scopes);
  /// Scopes with blanks between them, as a challenge has them.
  static ScopeSet parse(std::string_view text);

  bool empty() const { return actions_.empty(); }
  /// Whether a token for these scopes serves where one for `other` is wanted.
  bool covers(const ScopeSet& other) const;
  /// Sorted, each as a token server reads it.
  std::vector<std::string> scopes() const;
  /// scopes() with blanks between them.
  std::string str() const;

  friend auto operator<=>(const ScopeSet&, const ScopeSet&) = default;

 private:
  void add(std::string_view scope);

  /// By resource, "repository:NAME".
  std::map<std::string, std::set<std::string>> actions_;
};

}  // namespace davit::transport
