#include "transport/registry/failure.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "transport/registry/pages.hpp"

namespace davit::transport {
namespace {

using oci::ErrorKind;
using testing::HasSubstr;
using testing::Not;

Response answer(int status, std::string body = "", Headers headers = {}) {
  Response response;
  response.status = status;
  response.body = std::move(body);
  response.headers = std::move(headers);
  response.url = Url::parse("https://registry.example/v2/app/manifests/1.0");
  return response;
}

struct Row {
  int status;
  const char* body;
  ErrorKind kind;
};

class Failure : public testing::TestWithParam<Row> {};

TEST_P(Failure, HasTheKindThatItsAnswerTells) {
  const auto error = failure(answer(GetParam().status, GetParam().body), "asking");
  EXPECT_EQ(error.kind(), GetParam().kind) << error.what();
  EXPECT_THAT(error.what(), HasSubstr("asking: registry.example answered"));
}

INSTANTIATE_TEST_SUITE_P(
    Table, Failure,
    testing::Values(
        Row{400, "", ErrorKind::failed}, Row{401, "", ErrorKind::denied},
        Row{403, "", ErrorKind::denied}, Row{404, "", ErrorKind::not_found},
        Row{405, "", ErrorKind::failed}, Row{408, "", ErrorKind::unavailable},
        Row{413, "", ErrorKind::failed}, Row{425, "", ErrorKind::unavailable},
        Row{429, "", ErrorKind::unavailable}, Row{500, "", ErrorKind::unavailable},
        Row{503, "not JSON", ErrorKind::unavailable},
        Row{400, R"({"errors":[{"code":"DIGEST_INVALID","message":"m"}]})", ErrorKind::corrupt},
        Row{400, R"({"errors":[{"code":"SIZE_INVALID","message":"m"}]})", ErrorKind::corrupt},
        Row{400,
            R"({"errors":[{"code":"TAG_INVALID","message":"The image tag '1' already exists in the 'r' repository and cannot be overwritten because the tag is immutable."}]})",
            ErrorKind::refused},
        Row{404, R"({"errors":[{"code":"NAME_UNKNOWN","message":"m"}]})", ErrorKind::not_found}));

TEST(FailureText, QuotesTheRegistrysWords) {
  const auto error = failure(
      answer(404, R"({"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]})"), "x");
  EXPECT_THAT(error.what(), HasSubstr("404 MANIFEST_UNKNOWN: manifest unknown"));
}

TEST(FailureText, ShowsNoControlCharactersOfTheRegistry) {
  const auto error =
      failure(answer(400, R"({"errors":[{"code":"X","message":"a\u001b[31mred\u0007"}]})"), "x");
  EXPECT_THAT(error.what(), Not(HasSubstr("\x1b")));
  EXPECT_THAT(error.what(), HasSubstr("\\x1b"));
}

TEST(FailureText, IsShortHoweverLongTheAnswer) {
  const std::string body =
      R"({"errors":[{"code":"X","message":")" + std::string(50'000, 'm') + "\"}]}";
  EXPECT_LT(std::string(failure(answer(400, body), "x").what()).size(), 500u);
}

TEST(FailureText, HintsAtTheLogin) {
  const oci::Error error = failure(answer(401), "x");
  EXPECT_EQ(error.advice(), oci::Advice::log_in);
  EXPECT_EQ(error.hint(), "registry.example");
}

TEST(FailureText, HintsAtTheNameThatCredentialsStandUnder) {
  Response local = answer(401);
  local.url = Url::parse("http://localhost:5000/v2/");
  EXPECT_EQ(failure(local, "x").hint(), "localhost:5000");
  Response hub = answer(401);
  hub.url = Url::parse("https://registry-1.docker.io/v2/");
  EXPECT_EQ(failure(hub, "x").hint(), "docker.io");
}

TEST(FailureText, AdvisesToMakeTheRepositoryWhereThereIsAnApiForIt) {
  const std::string body = R"({"errors":[{"code":"NAME_UNKNOWN","message":"no"}]})";
  EXPECT_EQ(failure(answer(404, body), "x").hint(), "the repository does not exist");
  Response ecr = answer(404, body);
  ecr.url = Url::parse("https://123456789012.dkr.ecr.eu-west-1.amazonaws.com/v2/");
  EXPECT_EQ(failure(ecr, "x").advice(), oci::Advice::create_repository);
}

TEST(FailureText, SurvivesErrorsOfAnyShape) {
  for (const char* body : {"[]", "{\"errors\":[]}", "{\"errors\":{}}", "{\"errors\":[1]}",
                           "{\"errors\":[{\"code\":5}]}", "{\"errors\":null}", "nul\0l"}) {
    EXPECT_EQ(failure(answer(400, body), "x").kind(), ErrorKind::failed) << body;
  }
}

TEST(NextLink, IsTheTargetWithRelNext) {
  EXPECT_EQ(next_link({{"Link", "</v2/x/tags/list?last=b>; rel=\"next\""}}),
            "/v2/x/tags/list?last=b");
  EXPECT_EQ(next_link({{"link", "<https://r.example/a>; rel=next"}}), "https://r.example/a");
  EXPECT_EQ(next_link({{"Link", "</prev>; rel=\"prev\",</next>; rel=\"next\""}}), "/next");
}

TEST(NextLink, IsEmptyForAnythingElse) {
  for (const char* field :
       {"", "<", "<>", "</a>", "</a>; rel=\"prev\"", "garbage", "<a; rel=\"next\"", ">;<"}) {
    EXPECT_EQ(next_link({{"Link", field}}), "") << field;
  }
}

}  // namespace
}  // namespace davit::transport
