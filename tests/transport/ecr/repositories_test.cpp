#include "transport/ecr/repositories.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "oci/base/log.hpp"
#include "tests/support/errors.hpp"
#include "tests/support/fake_ecr.hpp"
#include "transport/ecr/reconcile.hpp"

namespace davit::transport::ecr {
namespace {

using oci::ErrorKind;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using tests::FakeEcr;
using tests::kind_of;

constexpr const char* lifecycle_policy =
    R"({"rules":[{"rulePriority":1,"selection":{"tagStatus":"any","countType":)"
    R"("imageCountMoreThan","countNumber":1},"action":{"type":"expire"}}]})";
constexpr const char* repository_policy = R"({"Version":"2012-10-17","Statement":[]})";
constexpr const char* described =
    R"({"repositories":[{"repositoryName":"app","repositoryArn":"arn","imageTagMutability":)"
    R"("MUTABLE","encryptionConfiguration":{"encryptionType":"AES256"}}]})";

class EcrRepositories : public testing::Test {
 protected:
  EcrRepositories() {
    ecr.on("CreateRepository", R"({"repository":{"repositoryName":"app"}})");
    ecr.on("DescribeRepositories", described);
    ecr.on("PutLifecyclePolicy", "{}");
    ecr.on("SetRepositoryPolicy", "{}");
    have_no_policies();
    settings.lifecycle = lifecycle_policy;
    settings.policy = repository_policy;
  }

  void have_no_policies() {
    ecr.fail("GetLifecyclePolicy", "LifecyclePolicyNotFoundException");
    ecr.fail("GetRepositoryPolicy", "RepositoryPolicyNotFoundException");
  }

  Repositories repositories() { return {{}, ecr.access(), ecr.place.host}; }

  FakeEcr ecr;
  RepositorySettings settings;
};

TEST_F(EcrRepositories, AreMadeWithTheirPolicies) {
  settings.mutability = "IMMUTABLE_WITH_EXCLUSION";
  settings.exclusions = {"dev-*"};
  settings.tags = {{"team", "core"}};
  EXPECT_TRUE(repositories().create("app", settings));
  EXPECT_THAT(ecr.calls(),
              ElementsAre("CreateRepository", "PutLifecyclePolicy", "SetRepositoryPolicy"));
  EXPECT_THAT(ecr.inputs("CreateRepository").at(0),
              AllOf(HasSubstr(R"("filter":"dev-*")"), HasSubstr(R"("Key":"team","Value":"core")")));
}

TEST_F(EcrRepositories, ThatWereMadeWithoutTheirPoliciesAreCompletedByTheNextCall) {
  ecr.fail("PutLifecyclePolicy", "InvalidParameterException");
  EXPECT_EQ(kind_of([&] { repositories().create("app", settings); }), ErrorKind::failed);
  ecr.fail("CreateRepository", "RepositoryAlreadyExistsException");
  ecr.on("PutLifecyclePolicy", "{}");
  EXPECT_FALSE(repositories().create("app", settings));
  EXPECT_THAT(ecr.calls(), Contains("SetRepositoryPolicy"));
  EXPECT_THAT(ecr.inputs("PutLifecyclePolicy").back(), HasSubstr("imageCountMoreThan"));
}

TEST_F(EcrRepositories, WhoseAnswerWasLostGetTheirPoliciesAllTheSame) {
  ecr.on("CreateRepository", [tries = 0](const std::string&) mutable {
    if (tries++ == 0) throw oci::Error(ErrorKind::unavailable, "the connection was closed");
    return FakeEcr::refusal("RepositoryAlreadyExistsException");
  });
  EXPECT_FALSE(repositories().create("app", settings));
  EXPECT_THAT(ecr.calls(), AllOf(Contains("PutLifecyclePolicy"), Contains("SetRepositoryPolicy")));
}

TEST_F(EcrRepositories, ThatHavePoliciesKeepThem) {
  ecr.fail("CreateRepository", "RepositoryAlreadyExistsException");
  ecr.on("GetLifecyclePolicy", R"({"lifecyclePolicyText":"{}"})");
  ecr.on("GetRepositoryPolicy", R"({"policyText":"{}"})");
  EXPECT_FALSE(repositories().create("app", settings));
  EXPECT_THAT(repositories().complete("app", settings, Change::yes), IsEmpty());
  EXPECT_THAT(ecr.calls(),
              AllOf(Not(Contains("PutLifecyclePolicy")), Not(Contains("SetRepositoryPolicy"))));
}

TEST_F(EcrRepositories, ThatAreOnlyLookedAtAreNotCompleted) {
  EXPECT_THAT(repositories().complete("app", settings, Change::no),
              ElementsAre("lifecycle policy", "repository policy"));
  EXPECT_THAT(ecr.calls(),
              AllOf(Not(Contains("PutLifecyclePolicy")), Not(Contains("SetRepositoryPolicy"))));
}

TEST_F(EcrRepositories, WhosePoliciesMayNotBeReadStayAsTheyAre) {
  std::string warning;
  oci::set_log([&](oci::LogLevel level, std::string_view line) {
    if (level == oci::LogLevel::warning) warning = line;
  });
  ecr.fail("GetLifecyclePolicy", "AccessDeniedException");
  EXPECT_THAT(repositories().complete("app", settings, Change::yes),
              ElementsAre("repository policy"));
  oci::set_log({});
  EXPECT_THAT(warning, HasSubstr("the lifecycle policy stays as it is"));
}

TEST_F(EcrRepositories, AreFoundByTheirNames) {
  EXPECT_EQ(repositories().get("app").encryption, "AES256");
  ecr.fail("DescribeRepositories", "RepositoryNotFoundException");
  EXPECT_EQ(repositories().find("app"), std::nullopt);
  EXPECT_EQ(kind_of([&] { repositories().get("app"); }), ErrorKind::not_found);
}

TEST_F(EcrRepositories, AreListedByName) {
  ecr.on("DescribeRepositories",
         std::vector<std::string>{R"({"repositories":[{"repositoryName":"b"}],"nextToken":"x"})",
                                  R"({"repositories":[{"repositoryName":"a"}]})"});
  const auto all = repositories().list();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].name, "a");
}

TEST_F(EcrRepositories, OfAListWithoutAnEndAreAnError) {
  ecr.on("DescribeRepositories", R"({"repositories":[],"nextToken":"x"})");
  EXPECT_EQ(kind_of([&] { repositories().list(); }), ErrorKind::failed);
}

TEST_F(EcrRepositories, WithImagesAreNotRemoved) {
  ecr.fail("DeleteRepository", "RepositoryNotEmptyException");
  EXPECT_EQ(kind_of([&] { repositories().remove("app", false); }), ErrorKind::refused);
}

class EcrReconcile : public EcrRepositories {
 protected:
  EcrReconcile() {
    settings = {};
    ecr.on("PutImageTagMutability", "{}");
    ecr.on("PutImageScanningConfiguration", "{}");
    ecr.on("TagResource", "{}");
    ecr.on("ListTagsForResource", R"({"tags":[{"Key":"team","Value":"infra"}]})");
  }

  std::vector<std::string> reconcile_app(Change change = Change::yes) {
    Repositories all = repositories();
    return reconcile(all, "app", settings, change);
  }
};

TEST_F(EcrReconcile, ChangesWhatDiffers) {
  settings.mutability = "IMMUTABLE";
  settings.scan_on_push = true;
  settings.tags = {{"team", "core"}, {"new", "1"}};
  settings.policy = repository_policy;
  EXPECT_THAT(
      reconcile_app(),
      ElementsAre("mutability: MUTABLE -> IMMUTABLE", "scan on push: false -> true",
                  "repository policy: is set", "tag new: none -> 1", "tag team: infra -> core"));
  EXPECT_THAT(ecr.inputs("TagResource"), testing::SizeIs(2));
  EXPECT_THAT(ecr.calls(),
              AllOf(Contains("PutImageTagMutability"), Contains("PutImageScanningConfiguration"),
                    Contains("SetRepositoryPolicy")));
}

TEST_F(EcrReconcile, LeavesWhatIsAsItShouldBe) {
  settings.mutability = "MUTABLE";
  settings.tags = {{"team", "infra"}};
  settings.policy = repository_policy;
  ecr.on("GetRepositoryPolicy",
         R"({"policyText":"{ \"Statement\": [], \"Version\": \"2012-10-17\" }"})");
  EXPECT_THAT(reconcile_app(), IsEmpty());
}

TEST_F(EcrReconcile, OnlySaysWhatWouldChange) {
  settings.mutability = "IMMUTABLE";
  EXPECT_THAT(reconcile_app(Change::no), ElementsAre("mutability: MUTABLE -> IMMUTABLE"));
  EXPECT_THAT(ecr.calls(), Not(Contains("PutImageTagMutability")));
}

TEST_F(EcrReconcile, ChangesNothingWhereSomethingCannotBeChanged) {
  settings.mutability = "IMMUTABLE";
  settings.encryption = "KMS";
  EXPECT_EQ(kind_of([&] { reconcile_app(); }), ErrorKind::refused);
  EXPECT_THAT(ecr.calls(), Not(Contains("PutImageTagMutability")));
}

TEST_F(EcrReconcile, MakesWhatIsMissing) {
  ecr.fail("DescribeRepositories", "RepositoryNotFoundException");
  EXPECT_THAT(reconcile_app(Change::no), ElementsAre("is made"));
  EXPECT_THAT(ecr.calls(), Not(Contains("CreateRepository")));
  EXPECT_THAT(reconcile_app(), ElementsAre("is made"));
  EXPECT_THAT(ecr.calls(), Contains("CreateRepository"));
}

}  // namespace
}  // namespace davit::transport::ecr
