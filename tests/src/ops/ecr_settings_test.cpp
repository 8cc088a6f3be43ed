#include "src/ops/ecr_settings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/errors.hpp"
#include "tests/support/temp_dir.hpp"

namespace davit::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using tests::TempDir;
using tests::write_file;

constexpr const char* lifecycle =
    R"({"rules":[{"rulePriority":1,"selection":{"tagStatus":"any","countType":)"
    R"("imageCountMoreThan","countNumber":30},"action":{"type":"expire"}}]})";

class EcrSettings : public testing::Test {
 protected:
  transport::ecr::RepositorySettings parse(const std::string& yaml) {
    write_file(dir / "settings.yaml", yaml);
    return parse_settings(dir / "settings.yaml");
  }
  std::string why(const std::string& yaml) {
    const auto error = tests::error_of([&] { parse(yaml); });
    if (!error) return "";
    EXPECT_EQ(error->kind(), oci::ErrorKind::usage) << error->what();
    EXPECT_THAT(error->what(), HasSubstr("settings.yaml"));
    return error->what();
  }

  const TempDir dir;
};

TEST_F(EcrSettings, AreWhatAFileSays) {
  const transport::ecr::RepositorySettings settings = parse(
      "mutability: IMMUTABLE_WITH_EXCLUSION\nexclude: [latest, 'dev-*']\nscan_on_push: true\n"
      "encryption: KMS:alias/x\ntags: {team: core, cost: '7'}\n");
  EXPECT_EQ(settings.mutability, "IMMUTABLE_WITH_EXCLUSION");
  EXPECT_THAT(settings.exclusions, ElementsAre("latest", "dev-*"));
  EXPECT_EQ(settings.scan_on_push, true);
  EXPECT_EQ(settings.encryption, "KMS");
  EXPECT_EQ(settings.kms_key, "alias/x");
  EXPECT_EQ(settings.tags.at("cost"), "7");
}

TEST_F(EcrSettings, HavePoliciesOfFilesBesideThem) {
  write_file(dir / "keep.json", lifecycle);
  EXPECT_EQ(parse("lifecycle: keep.json\n").lifecycle, lifecycle);
}

TEST_F(EcrSettings, HavePoliciesThatStandInThem) {
  const transport::ecr::RepositorySettings settings = parse(
      "lifecycle:\n  rules:\n  - rulePriority: 1\n    selection: {tagStatus: any, countType: "
      "imageCountMoreThan, countNumber: 30}\n    action: {type: expire}\n");
  EXPECT_EQ(settings.lifecycle, lifecycle);
}

TEST_F(EcrSettings, ThatAwsWouldRefuseAreErrors) {
  EXPECT_THAT(why("mutability: SOMETIMES"), HasSubstr("SOMETIMES"));
  EXPECT_THAT(why("mutability: IMMUTABLE_WITH_EXCLUSION"), HasSubstr("needs tag patterns"));
  EXPECT_THAT(why("exclude: [a]"), HasSubstr("need a mutability"));
  EXPECT_THAT(why("mutability: IMMUTABLE\nexclude: [a]"), HasSubstr("_WITH_EXCLUSION"));
  EXPECT_THAT(why("mutability: MUTABLE_WITH_EXCLUSION\nexclude: ['a b']"),
              HasSubstr("no tag pattern"));
  EXPECT_THAT(why("mutability: MUTABLE_WITH_EXCLUSION\nexclude: [a, b, c, d, e, f]"),
              HasSubstr("at most 5"));
  EXPECT_THAT(why("encryption: ROT13"), HasSubstr("ROT13"));
  EXPECT_THAT(why("kms_key: x"), HasSubstr("KMS key"));
  EXPECT_THAT(why("lifecycle: {rules: []}"), HasSubstr("lifecycle policy"));
  EXPECT_THAT(why("policy: '{'"), HasSubstr("repository policy"));
}

TEST_F(EcrSettings, ThatAreNotKnownAreErrors) {
  EXPECT_THAT(why("mutable: yes"), HasSubstr("'mutable' is not known"));
  EXPECT_THAT(why("- a"), HasSubstr("no map"));
  EXPECT_THAT(why("a: [b"), HasSubstr("line 1"));
  EXPECT_THAT(why("scan_on_push: perhaps"), HasSubstr("line 1"));
}

TEST_F(EcrSettings, OfADeclarationHaveDefaults) {
  write_file(dir / "all.yaml",
             "registry: 123456789012.dkr.ecr.eu-west-1.amazonaws.com\n"
             "defaults: {mutability: IMMUTABLE, scan_on_push: true}\n"
             "repositories:\n- name: team/a\n- {name: b, mutability: MUTABLE}\n");
  const Declaration declaration = parse_declaration(dir / "all.yaml");
  ASSERT_EQ(declaration.repositories.size(), 2u);
  EXPECT_EQ(declaration.repositories[0].first, "team/a");
  EXPECT_EQ(declaration.repositories[0].second.mutability, "IMMUTABLE");
  EXPECT_EQ(declaration.repositories[1].second.mutability, "MUTABLE");
  EXPECT_EQ(declaration.repositories[1].second.scan_on_push, true);
}

TEST_F(EcrSettings, OfADeclarationNeedNames) {
  for (const char* yaml : {"repositories: [{mutability: MUTABLE}]", "repositories: [{name: A B}]",
                           "repos: []", "[]", "repositories: [a]"}) {
    write_file(dir / "all.yaml", yaml);
    EXPECT_EQ(tests::kind_of([&] { parse_declaration(dir / "all.yaml"); }), oci::ErrorKind::usage)
        << yaml;
  }
}

}  // namespace
}  // namespace davit::app
