#include "tests/support/access_control.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "oci/base/bytes.hpp"
#include "oci/model/json.hpp"
#include "tests/support/registry_api.hpp"

namespace davit::tests {
namespace {

std::string basic_of(const std::string& user, const std::string& password) {
  return "Basic " + oci::to_base64(oci::bytes_of(user + ":" + password));
}

/// "repository:a:pull,push" into "repository:a:pull" and "repository:a:push".
std::vector<std::string> single_actions(const std::string& scope) {
  const std::size_t colon = scope.rfind(':');
  std::vector<std::string> actions;
  for (std::size_t at = colon; at != std::string::npos;) {
    const std::size_t comma = scope.find(',', at + 1);
    actions.push_back(scope.substr(0, colon + 1) + scope.substr(at + 1, comma - at - 1));
    at = comma;
  }
  return actions;
}

bool allows(Rights rights, std::string_view action) {
  return rights == Rights::push || (rights == Rights::pull && action.ends_with(":pull"));
}

}  // namespace

Answer AccessControl::challenge(const std::vector<std::string>& scopes,
                                const std::string& origin) const {
  Answer answer = error_answer(401, "UNAUTHORIZED", "authentication required");
  if (options_.kind == AccessKind::basic) {
    answer.headers.add("WWW-Authenticate", "Basic realm=\"" + origin + "/\",service=\"registry\"");
  } else {
    std::string bearer = "Bearer realm=\"" + origin + "/token\",service=\"registry\"";
    if (!scopes.empty()) bearer += fmt::format(",scope=\"{}\"", fmt::join(scopes, " "));
    answer.headers.add("WWW-Authenticate", bearer);
  }
  return answer;
}

Answer AccessControl::refuse_expired(const std::vector<std::string>& scopes,
                                     const std::string& origin) const {
  switch (options_.expired) {
    case ExpiredAnswer::ecr_forbidden:
      return error_answer(403, "DENIED",
                          "Your authorization token has expired. Reauthenticate and try again.");
    case ExpiredAnswer::ecr_public_refusal:
      return error_answer(400, "DENIED", "Your Authorization Token is invalid.");
    case ExpiredAnswer::unauthorized:
      break;
  }
  return challenge(scopes, origin);
}

std::optional<Answer> AccessControl::refuse_basic(const std::string& given,
                                                  const std::vector<std::string>& scopes,
                                                  const std::string& origin) const {
  if (given == basic_of(options_.user, new_password_.value_or(options_.password))) {
    for (const std::string& scope : scopes) {
      for (const std::string& action : single_actions(scope)) {
        if (!allows(options_.user_rights, action)) {
          return error_answer(403, "DENIED", "requested access to the resource is denied");
        }
      }
    }
    return std::nullopt;
  }
  if (given == basic_of(options_.user, options_.password)) return refuse_expired(scopes, origin);
  return challenge(scopes, origin);
}

std::optional<Answer> AccessControl::refuse(const Exchange& exchange,
                                            const std::vector<std::string>& scopes,
                                            const std::string& origin) const {
  if (options_.kind == AccessKind::none) return std::nullopt;
  const std::string given = exchange.headers().get("Authorization").value_or("");
  const std::lock_guard lock(mutex_);
  if (options_.kind == AccessKind::basic) return refuse_basic(given, scopes, origin);

  const auto found = given.starts_with("Bearer ") ? tokens_.find(given.substr(7)) : tokens_.end();
  if (found == tokens_.end()) return challenge(scopes, origin);
  if (found->second.end <= std::chrono::steady_clock::now()) return refuse_expired(scopes, origin);
  for (const std::string& scope : scopes) {
    for (const std::string& action : single_actions(scope)) {
      if (!found->second.grants.contains(action)) {
        Answer answer = challenge(scopes, origin);
        const std::string bearer = *answer.headers.get("WWW-Authenticate");
        answer.headers.set("WWW-Authenticate", bearer + ",error=\"insufficient_scope\"");
        return answer;
      }
    }
  }
  return std::nullopt;
}

std::optional<Rights> AccessControl::rights_of(const Exchange& exchange,
                                               const Parameters& form) const {
  const std::string password = new_password_.value_or(options_.password);
  const std::string grant = parameter(form, "grant_type").value_or("");
  if (grant == "refresh_token" && parameter(form, "refresh_token") == options_.identity_token) {
    return options_.user_rights;
  }
  if (grant == "password" && parameter(form, "username") == options_.user &&
      parameter(form, "password") == password) {
    return options_.user_rights;
  }
  const auto given = exchange.headers().get("Authorization");
  if (given == basic_of(options_.user, password)) return options_.user_rights;
  if (given || !grant.empty() || options_.anonymous_rights == Rights::none) return std::nullopt;
  return options_.anonymous_rights;
}

Answer AccessControl::token(Exchange& exchange) {
  const Parameters form = exchange.method() == "POST" ? parse_parameters(exchange.read_all())
                                                      : parse_parameters(exchange.query());
  const std::lock_guard lock(mutex_);
  const std::optional<Rights> rights =
      rights_of(exchange, exchange.method() == "POST" ? form : Parameters());
  if (!rights) return error_answer(401, "UNAUTHORIZED", "incorrect username or password");

  Token token{{}, std::chrono::steady_clock::now() + options_.token_life};
  for (const auto& [name, value] : form) {
    if (name != "scope") continue;
    for (std::size_t at = 0; at < value.size();) {
      const std::size_t space = std::min(value.size(), value.find(' ', at));
      for (std::string& action : single_actions(value.substr(at, space - at))) {
        if (allows(*rights, action)) token.grants.insert(std::move(action));
      }
      at = space + 1;
    }
  }
  const std::string name = fmt::format("token-{}", tokens_.size() + 1);
  tokens_[name] = std::move(token);

  oci::Json reply{{"token", name}, {"access_token", name}};
  if (options_.expires_in) reply["expires_in"] = *options_.expires_in;
  if (parameter(form, "offline_token") == "true" || parameter(form, "access_type") == "offline") {
    reply["refresh_token"] = options_.identity_token;
  }
  Answer answer;
  answer.headers.add("Content-Type", "application/json");
  answer.set_body(oci::to_text(reply));
  return answer;
}

void AccessControl::revoke_tokens() {
  const std::lock_guard lock(mutex_);
  for (auto& [name, token] : tokens_) token.end = {};
}

void AccessControl::change_password(const std::string& password) {
  const std::lock_guard lock(mutex_);
  new_password_ = password;
}

std::size_t AccessControl::tokens_issued() const {
  const std::lock_guard lock(mutex_);
  return tokens_.size();
}

}  // namespace davit::tests
