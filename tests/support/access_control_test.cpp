#include "tests/support/access_control.hpp"

#include <gtest/gtest.h>

#include <string>

#include "oci/base/bytes.hpp"
#include "oci/model/json.hpp"
#include "tests/support/registry.hpp"
#include "tests/support/sample_image.hpp"
#include "tests/support/test_client.hpp"

namespace davit::tests {
namespace {

std::string basic(const std::string& password) {
  return "Authorization: Basic " + oci::to_base64(oci::bytes_of("user:" + password));
}

Reply get(const Registry& registry, const std::string& target, const std::string& header = {}) {
  return fetch({.url = registry.url() + target, .headers = {header.empty() ? "X: y" : header}});
}

std::string token_of(const Reply& reply) {
  return "Authorization: Bearer " + oci::parse_json(reply.body, "token")["token"].string();
}

std::string pull_token(const Registry& registry) {
  return token_of(
      get(registry, "/token?service=registry&scope=repository:a:pull", basic("secret")));
}

RegistryOptions with(AccessOptions access) { return {.access = std::move(access)}; }

TEST(AccessControl, LetsInWhoKnowsThePassword) {
  const Registry registry(with({.kind = AccessKind::basic}));
  const Reply refused = get(registry, "/v2/");
  EXPECT_EQ(refused.status, 401);
  EXPECT_TRUE(refused.header("WWW-Authenticate").starts_with("Basic realm=")) << refused.head;
  EXPECT_EQ(get(registry, "/v2/", basic("wrong")).status, 401);
  EXPECT_EQ(get(registry, "/v2/", basic("secret")).status, 200);
}

TEST(AccessControl, AnswersAnOldPasswordLikeEcr) {
  Registry registry(with({.kind = AccessKind::basic, .expired = ExpiredAnswer::ecr_forbidden}));
  registry.access().change_password("new");
  const Reply refused = get(registry, "/v2/", basic("secret"));
  EXPECT_EQ(refused.status, 403);
  EXPECT_NE(refused.body.find("token has expired. Reauthenticate"), std::string::npos);
  EXPECT_EQ(get(registry, "/v2/", basic("new")).status, 200);
}

TEST(AccessControl, ForbidsAPushToWhoMayOnlyPull) {
  const Registry registry(with({.kind = AccessKind::basic, .user_rights = Rights::pull}));
  EXPECT_EQ(fetch({"POST", registry.url() + "/v2/a/blobs/uploads/", {basic("secret")}}).status,
            403);
}

TEST(AccessControl, NamesRealmServiceAndScopeInItsChallenge) {
  const Registry registry(with({.kind = AccessKind::bearer}));
  const Reply refused = fetch({"POST", registry.url() + "/v2/a/blobs/uploads/?from=b&mount=x"});
  EXPECT_EQ(refused.header("WWW-Authenticate"),
            "Bearer realm=\"" + registry.url() +
                "/token\",service=\"registry\",scope=\"repository:a:pull,push repository:b:pull\"");
}

TEST(AccessControl, GivesATokenForItsScopesAlone) {
  Registry registry(with({.kind = AccessKind::bearer}));
  make_image(registry, "a", "1");
  make_image(registry, "b", "1");
  const std::string token = pull_token(registry);
  EXPECT_EQ(get(registry, "/v2/a/manifests/1", token).status, 200);
  const Reply refused = get(registry, "/v2/b/manifests/1", token);
  EXPECT_EQ(refused.status, 401);
  EXPECT_NE(refused.header("WWW-Authenticate").find("insufficient_scope"), std::string::npos);
  EXPECT_EQ(registry.access().tokens_issued(), 1U);
}

TEST(AccessControl, GivesNoTokenForAWrongPassword) {
  const Registry registry(with({.kind = AccessKind::bearer}));
  EXPECT_EQ(get(registry, "/token?scope=repository:a:pull", basic("wrong")).status, 401);
  EXPECT_EQ(get(registry, "/token?scope=repository:a:pull").status, 401);
}

TEST(AccessControl, LetsAnyonePullWhereThatIsAllowed) {
  Registry registry(with({.kind = AccessKind::bearer, .anonymous_rights = Rights::pull}));
  make_image(registry, "a", "1");
  const std::string token = token_of(get(registry, "/token?scope=repository:a:pull,push"));
  EXPECT_EQ(get(registry, "/v2/a/manifests/1", token).status, 200);
  EXPECT_EQ(fetch({"POST", registry.url() + "/v2/a/blobs/uploads/", {token}}).status, 401);
}

TEST(AccessControl, TakesAnIdentityTokenForARefresh) {
  Registry registry(with({.kind = AccessKind::bearer}));
  make_image(registry, "a", "1");
  const std::string form =
      "grant_type=refresh_token&refresh_token=identity&service=registry"
      "&scope=repository%3Aa%3Apull";
  const Reply reply = fetch({"POST", registry.url() + "/token", {}, form});
  EXPECT_EQ(get(registry, "/v2/a/manifests/1", token_of(reply)).status, 200);
  EXPECT_EQ(fetch({"POST", registry.url() + "/token", {}, "grant_type=refresh_token"}).status, 401);
}

TEST(AccessControl, RefusesATokenThatWasRevoked) {
  Registry registry(with({.kind = AccessKind::bearer}));
  const std::string token = pull_token(registry);
  EXPECT_EQ(get(registry, "/v2/", token).status, 200);
  registry.access().revoke_tokens();
  EXPECT_EQ(get(registry, "/v2/", token).status, 401);
  EXPECT_EQ(get(registry, "/v2/", pull_token(registry)).status, 200);
}

TEST(AccessControl, RefusesAnExpiredTokenLikeEcrPublic) {
  Registry registry(with({.kind = AccessKind::bearer,
                          .token_life = std::chrono::milliseconds(0),
                          .expired = ExpiredAnswer::ecr_public_refusal}));
  const Reply refused = get(registry, "/v2/", pull_token(registry));
  EXPECT_EQ(refused.status, 400);
  EXPECT_NE(refused.body.find("DENIED"), std::string::npos);
}

}  // namespace
}  // namespace davit::tests
