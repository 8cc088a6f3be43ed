#include "src/ops/deploy.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "oci/model/json.hpp"
#include "tests/support/errors.hpp"

namespace davit::app {
namespace {

using oci::ErrorKind;
using tests::kind_of;

/// Whether a file says this, however it is laid out.
testing::AssertionResult says(const std::string& file, const std::string& json) {
  if (oci::parse_json(file, "file") == oci::parse_json(json, "json")) {
    return testing::AssertionSuccess();
  }
  return testing::AssertionFailure() << file;
}

TEST(EcsDefinitions, NameTheImageOfAContainer) {
  EXPECT_TRUE(says(ecs_definitions("", "f", "web", "r@1"), R"([{"name":"web","imageUri":"r@1"}])"));
}

TEST(EcsDefinitions, KeepTheOtherContainersOfATask) {
  const std::string before =
      R"([{"name":"log","imageUri":"l@1","more":1},{"name":"web","imageUri":"r@1"}])";
  EXPECT_TRUE(
      says(ecs_definitions(before, "f", "web", "r@2"),
           R"([{"name":"log","imageUri":"l@1","more":1},{"name":"web","imageUri":"r@2"}])"));
  EXPECT_TRUE(says(ecs_definitions(R"([{"name":"log","imageUri":"l@1"}])", "f", "web", "r@2"),
                   R"([{"name":"log","imageUri":"l@1"},{"name":"web","imageUri":"r@2"}])"));
}

TEST(EcsDefinitions, AreNotWrittenOverAnotherFile) {
  for (const char* before : {"{}", "[1]", "name: web", "[{]"}) {
    EXPECT_EQ(kind_of([&] { ecs_definitions(before, "f", "web", "r@1"); }), ErrorKind::corrupt)
        << before;
  }
}

TEST(BeanstalkRun, NamesTheImageAndItsPort) {
  EXPECT_TRUE(says(beanstalk_run("", "f", "r@1", 8080),
                   R"({"AWSEBDockerrunVersion":"1","Image":{"Name":"r@1","Update":"true"},)"
                   R"("Ports":[{"ContainerPort":8080}]})"));
}

TEST(BeanstalkRun, KeepsWhatElseAPersonHasWritten) {
  const std::string before =
      R"({"AWSEBDockerrunVersion":"1","Image":{"Name":"old","Update":"false"},)"
      R"("Ports":[{"ContainerPort":80}],"Volumes":[{"HostDirectory":"/a"}],"Logging":"/var/log"})";
  EXPECT_TRUE(says(beanstalk_run(before, "f", "r@1", 0),
                   R"({"AWSEBDockerrunVersion":"1","Image":{"Name":"r@1","Update":"false"},)"
                   R"("Ports":[{"ContainerPort":80}],"Volumes":[{"HostDirectory":"/a"}],)"
                   R"("Logging":"/var/log"})"));
}

TEST(BeanstalkRun, IsNotOfAVersionThatNamesImagesElsewhere) {
  for (const char* before :
       {R"({"AWSEBDockerrunVersion":2})", R"({"AWSEBDockerrunVersion":"3"})", "{}", "[]", "x"}) {
    EXPECT_EQ(kind_of([&] { beanstalk_run(before, "f", "r@1", 0); }), ErrorKind::corrupt) << before;
  }
}

TEST(TerraformVariables, KeepTheOthers) {
  EXPECT_TRUE(says(terraform_variables("", "f", "image", "r@1"), R"({"image":"r@1"})"));
  EXPECT_TRUE(says(terraform_variables(R"({"region":"x","image":"old"})", "f", "image", "r@1"),
                   R"({"region":"x","image":"r@1"})"));
  EXPECT_EQ(kind_of([] { terraform_variables("[]", "f", "image", "r@1"); }), ErrorKind::corrupt);
}

}  // namespace
}  // namespace davit::app
