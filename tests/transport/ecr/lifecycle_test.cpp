#include "transport/ecr/lifecycle.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/errors.hpp"

namespace davit::transport::ecr {
namespace {

using testing::HasSubstr;

std::string rule(const std::string& selection, const std::string& action = R"("type":"expire")",
                 const std::string& more = R"("rulePriority":1,"description":"some words here")") {
  return "{" + more + R"(,"selection":{)" + selection + R"(},"action":{)" + action + "}}";
}

std::string policy(const std::string& rules) { return R"({"rules":[)" + rules + "]}"; }

const std::string untagged =
    R"("tagStatus":"untagged","countType":"sinceImagePushed","countUnit":"days","countNumber":14)";
const std::string any = R"("tagStatus":"any","countType":"imageCountMoreThan","countNumber":30)";
const std::string tagged =
    R"("tagStatus":"tagged","tagPatternList":["v*"],"countType":"imageCountMoreThan","countNumber":1)";

std::string why(const std::string& text) {
  const auto error = tests::error_of([&] { validate_lifecycle(text, "keep.json"); });
  if (!error) return "";
  EXPECT_EQ(error->kind(), oci::ErrorKind::usage) << error->what();
  return error->what();
}

TEST(LifecyclePolicy, IsValidForEachKindOfRule) {
  const std::string archive = R"("type":"transition","targetStorageClass":"archive")";
  for (const std::string& valid :
       {rule(untagged), rule(any), rule(tagged),
        rule(R"("tagStatus":"tagged","tagPrefixList":["a","b"],"countType":"imageCountMoreThan",)"
             R"("countNumber":5)"),
        rule(R"("tagStatus":"any","countType":"sinceImagePulled","countUnit":"days",)"
             R"("countNumber":30)",
             archive),
        rule(R"("tagStatus":"any","storageClass":"archive","countType":"sinceImageTransitioned",)"
             R"("countUnit":"days","countNumber":90)")}) {
    EXPECT_NO_THROW(validate_lifecycle(policy(valid), "keep.json")) << valid;
  }
}

TEST(LifecyclePolicy, MayHaveSeveralRulesWithTheOneForAllLast) {
  const std::string second = R"("rulePriority":2)";
  EXPECT_NO_THROW(validate_lifecycle(
      policy(rule(tagged) + "," + rule(any, R"("type":"expire")", second)), "p"));
  EXPECT_THAT(why(policy(rule(any) + "," + rule(tagged, R"("type":"expire")", second))),
              HasSubstr("the rule with rulePriority 1 has tagStatus any"));
}

TEST(LifecyclePolicy, HasEachPriorityOnce) {
  EXPECT_THAT(why(policy(rule(tagged) + "," + rule(untagged))),
              HasSubstr("two rules have rulePriority 1"));
}

TEST(LifecyclePolicy, IsAJsonDocumentWithRules) {
  EXPECT_THAT(why("not json"), HasSubstr("keep.json"));
  EXPECT_THAT(why("{}" + std::string(200, ' ')), HasSubstr("is not {\"rules\": [...]}"));
  EXPECT_THAT(why(policy("") + std::string(200, ' ')), HasSubstr("1 to 50 rules"));
  EXPECT_THAT(why(policy("7") + std::string(200, ' ')), HasSubstr("rule 1 is no object"));
}

TEST(LifecyclePolicy, IsNeitherTooShortNorTooLong) {
  EXPECT_THAT(why(R"({"rules":[{}]})"), HasSubstr("shorter than 100"));
  EXPECT_THAT(why(policy(rule(any)) + std::string(31'000, ' ')), HasSubstr("longer than 30720"));
}

struct Invalid {
  const char* why;
  std::string rule;
};

class InvalidRule : public testing::TestWithParam<Invalid> {};

TEST_P(InvalidRule, IsNamedWithTheReason) {
  const std::string said = why(policy(GetParam().rule) + std::string(100, ' '));
  EXPECT_THAT(said, HasSubstr(GetParam().why));
  EXPECT_THAT(said, HasSubstr("rule"));
}

const std::string pushed = R"("countType":"sinceImagePushed","countUnit":"days","countNumber":1)";

INSTANTIATE_TEST_SUITE_P(
    Table, InvalidRule,
    testing::Values(
        Invalid{"rulePriority is a number", rule(any, R"("type":"expire")", R"("rulePriority":0)")},
        Invalid{"'prio' is no member", rule(any, R"("type":"expire")", R"("prio":1)")},
        Invalid{"selection: 'x' is no member", rule(any + R"(,"x":1)")},
        Invalid{"tagStatus is", rule(R"("tagStatus":"some",)" + pushed)},
        Invalid{"needs tagPatternList or tagPrefixList", rule(R"("tagStatus":"tagged",)" + pushed)},
        Invalid{
            "one of the two",
            rule(R"("tagStatus":"tagged","tagPatternList":["a"],"tagPrefixList":["b"],)" + pushed)},
        Invalid{"go with tagStatus tagged alone",
                rule(R"("tagStatus":"any","tagPrefixList":["b"],)" + pushed)},
        Invalid{"more than 4 wildcards",
                rule(R"("tagStatus":"tagged","tagPatternList":["*a*b*c*d*"],)" + pushed)},
        Invalid{"a tag pattern is a text",
                rule(R"("tagStatus":"tagged","tagPatternList":[7],)" + pushed)},
        Invalid{"countType is", rule(R"("tagStatus":"any","countType":"never","countNumber":1)")},
        Invalid{"countUnit is days",
                rule(R"("tagStatus":"any","countType":"sinceImagePushed","countNumber":1)")},
        Invalid{"countUnit goes with counts of days alone", rule(any + R"(,"countUnit":"days")")},
        Invalid{"countNumber is a number",
                rule(R"("tagStatus":"any","countType":"imageCountMoreThan","countNumber":0)")},
        Invalid{"countNumber is a number",
                rule(R"("tagStatus":"any","countType":"imageCountMoreThan","countNumber":"5")")},
        Invalid{"storageClass is", rule(any + R"(,"storageClass":"cold")")},
        Invalid{"needs storageClass archive",
                rule(R"("tagStatus":"any","countType":"sinceImageTransitioned","countUnit":"days",)"
                     R"("countNumber":90)")},
        Invalid{"after 90 days",
                rule(R"("tagStatus":"any","storageClass":"archive",)"
                     R"("countType":"sinceImageTransitioned","countUnit":"days","countNumber":9)")},
        Invalid{"works with transition alone",
                rule(R"("tagStatus":"any","countType":"sinceImagePulled","countUnit":"days",)"
                     R"("countNumber":9)")},
        Invalid{"action type is", rule(any, R"("type":"archive")")},
        Invalid{"action: 'x' is no member", rule(any, R"("type":"expire","x":1)")},
        Invalid{"transition needs targetStorageClass", rule(any, R"("type":"transition")")},
        Invalid{"goes with transition alone",
                rule(any, R"("type":"expire","targetStorageClass":"archive")")}));

}  // namespace
}  // namespace davit::transport::ecr
