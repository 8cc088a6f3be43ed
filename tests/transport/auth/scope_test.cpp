#include "transport/auth/scope.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace davit::transport {
namespace {

using Strings = std::vector<std::string>;

ScopeSet set(const Strings& scopes) { return ScopeSet(scopes); }

TEST(ScopeSet, OrderAndRepetitionDoNotMatter) {
  EXPECT_EQ(set({"repository:b:pull", "repository:a:push,pull", "repository:b:pull"}),
            set({"repository:a:pull,push", "repository:b:pull"}));
}

TEST(ScopeSet, ActionsOnOneResourceAreJoined) {
  EXPECT_EQ(set({"repository:a:pull", "repository:a:push"}).scopes(),
            Strings{"repository:a:pull,push"});
}

TEST(ScopeSet, ReadsWhatAChallengeSays) {
  EXPECT_EQ(ScopeSet::parse(" repository:a:pull  registry:catalog:* ").scopes(),
            (Strings{"registry:catalog:*", "repository:a:pull"}));
}

TEST(ScopeSet, IsWrittenAsAChallengeHasIt) {
  EXPECT_EQ(set({"repository:b:pull", "repository:a:push,pull"}).str(),
            "repository:a:pull,push repository:b:pull");
}

TEST(ScopeSet, KeepsAColonInAName) {
  EXPECT_EQ(set({"repository:host:5000/a:pull"}).scopes(), Strings{"repository:host:5000/a:pull"});
}

TEST(ScopeSet, KeepsScopesOfAnotherShape) {
  for (const char* scope : {"aws", "registry:catalog", "openid"}) {
    EXPECT_EQ(set({scope}).scopes(), Strings{scope});
  }
}

TEST(ScopeSet, IsEmptyWithoutScopes) {
  EXPECT_TRUE(ScopeSet().empty());
  EXPECT_TRUE(ScopeSet::parse("  ").empty());
  EXPECT_TRUE(set({""}).empty());
  EXPECT_FALSE(ScopeSet::parse("aws").empty());
}

TEST(ScopeSet, CoversWhatNeedsLess) {
  struct Row {
    Strings own;
    Strings other;
    bool covered;
  };
  const Row rows[] = {
      {{"repository:a:pull,push"}, {"repository:a:pull"}, true},
      {{"repository:a:pull,push"}, {"repository:a:push,pull"}, true},
      {{"repository:a:pull"}, {"repository:a:pull,push"}, false},
      {{"repository:a:pull"}, {"repository:b:pull"}, false},
      {{"repository:a:pull,push", "repository:b:pull"}, {"repository:b:pull"}, true},
      {{"repository:a:pull"}, {"repository:a:pull", "repository:b:pull"}, false},
      {{"repository:a:pull"}, {"repository:ab:pull"}, false},
      {{"repository:a:pull"}, {}, true},
      {{}, {"repository:a:pull"}, false},
      {{"aws"}, {"aws"}, true},
      {{"aws"}, {"repository:a:pull"}, false},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(set(row.own).covers(set(row.other)), row.covered)
        << set(row.own).str() << " / " << set(row.other).str();
  }
}

}  // namespace
}  // namespace davit::transport
