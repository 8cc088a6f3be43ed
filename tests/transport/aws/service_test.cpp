#include "transport/aws/service.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/aws.hpp"
#include "tests/support/errors.hpp"

namespace davit::transport::aws {
namespace {

using oci::Error;
using oci::ErrorKind;
using std::chrono::minutes;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using tests::answer;
using tests::aws_answer;
using tests::error_of;
using tests::FakeTransport;
using tests::new_year;
using tests::SentRequest;

struct NumberedKeys final : KeySource {
  std::optional<std::string> principal() const override { return "numbered"; }
  TimedKeys fetch(const oci::Call&) override {
    return {{"KEY" + std::to_string(++number), "secret", ""}, {}};
  }
  int number = 0;
};

class ServiceTest : public testing::Test {
 protected:
  ServiceReply call(FakeTransport& transport, int retries = 2) {
    return service(transport, retries).call({}, "DescribeImages", R"({"repositoryName":"app"})");
  }

  Service& service(FakeTransport& transport, int retries = 2) {
    RetryOptions retry;
    retry.retries = retries;
    retry.random = [] { return 0.5; };
    retry.sleep = [this](std::chrono::milliseconds time) { waits.push_back(time.count()); };
    ServiceEndpoint endpoint{Url::parse("https://api.ecr.eu-west-1.amazonaws.com/"),
                             {"eu-west-1", "ecr"},
                             "AmazonEC2ContainerRegistry_V20150921"};
    made.emplace(std::move(endpoint), ring, transport, retry, [] { return new_year; });
    return *made;
  }

  static std::string denial(const std::string& type, const std::string& message) {
    return R"({"__type":")" + type + R"(","message":")" + message + R"("})";
  }

  KeyRing ring{std::make_unique<NumberedKeys>(), [] { return new_year; }};
  std::optional<Service> made;
  std::vector<long> waits;
};

TEST_F(ServiceTest, SendsASignedDocument) {
  FakeTransport transport({aws_answer(200, "{}")});
  EXPECT_TRUE(call(transport).ok());
  const SentRequest sent = transport.sent().at(0);
  EXPECT_EQ(sent.method, "POST");
  EXPECT_EQ(sent.body, R"({"repositoryName":"app"})");
  EXPECT_EQ(sent.headers.get("X-Amz-Target"),
            "AmazonEC2ContainerRegistry_V20150921.DescribeImages");
  EXPECT_EQ(sent.headers.get("Content-Type"), "application/x-amz-json-1.1");
  EXPECT_EQ(sent.headers.get("X-Amz-Date"), "20260101T000000Z");
  EXPECT_THAT(sent.authorization(), HasSubstr("Credential=KEY1/20260101/eu-west-1/ecr/"));
}

TEST_F(ServiceTest, SaysWhichErrorItWas) {
  FakeTransport transport(
      {aws_answer(400, denial("com.amazon#RepositoryNotFoundException:x", "no"))});
  const ServiceReply reply = call(transport);
  EXPECT_EQ(reply.code, "RepositoryNotFoundException");
  EXPECT_EQ(reply.message, "no");
  const Error error = service_error(reply, "looking at app");
  EXPECT_EQ(error.kind(), ErrorKind::not_found);
  EXPECT_STREQ(error.what(), "looking at app: RepositoryNotFoundException: no");
}

TEST_F(ServiceTest, NamesTheActionAndTheResourceThatWereDenied) {
  const std::string words =
      "User: arn:aws:sts::1:assumed-role/ci/x is not authorized to perform: ecr:DescribeImages on "
      "resource: arn:aws:ecr:eu-west-1:1:repository/app";
  FakeTransport transport({aws_answer(400, denial("AccessDeniedException", words))});
  const Error error = service_error(call(transport), "looking at app");
  EXPECT_EQ(error.kind(), ErrorKind::denied);
  EXPECT_THAT(error.what(), AllOf(HasSubstr("ecr:DescribeImages"), HasSubstr("repository/app")));
}

TEST_F(ServiceTest, TriesAgainAfterThrottlingAndServerErrors) {
  FakeTransport transport({aws_answer(400, denial("ThrottlingException", "Rate exceeded")),
                           aws_answer(503, ""), aws_answer(200, "{}")});
  EXPECT_TRUE(call(transport).ok());
  EXPECT_THAT(waits, ElementsAre(125, 250));
}

TEST_F(ServiceTest, GivesUpAfterItsTries) {
  FakeTransport transport({aws_answer(500, denial("ServerException", "sorry"))});
  const ServiceReply reply = call(transport);
  EXPECT_EQ(transport.sent().size(), 3u);
  EXPECT_EQ(service_error(reply, "x").kind(), ErrorKind::unavailable);
}

TEST_F(ServiceTest, DoesNotTryAgainWhatIsAQuota) {
  FakeTransport transport({aws_answer(400, denial("LimitExceededException", "too many"))});
  EXPECT_EQ(service_error(call(transport), "x").kind(), ErrorKind::refused);
  EXPECT_EQ(transport.sent().size(), 1u);
}

TEST_F(ServiceTest, TriesAgainWhereThereWasNoAnswer) {
  int times = 0;
  FakeTransport transport([&](const SentRequest&) -> Response {
    if (++times == 1) throw Error(ErrorKind::unavailable, "gone");
    return aws_answer(200, "{}");
  });
  EXPECT_TRUE(call(transport).ok());
}

TEST_F(ServiceTest, StopsTryingWhenItsBudgetIsUsedUp) {
  FakeTransport transport({aws_answer(503, "")});
  Service& tried = service(transport, 1000);
  tried.call({}, "DescribeImages", "{}");
  EXPECT_EQ(transport.sent().size(), 101u);
  tried.call({}, "DescribeImages", "{}");
  EXPECT_EQ(transport.sent().size(), 102u);
}

TEST_F(ServiceTest, CorrectsItsClockByTheServices) {
  FakeTransport transport({aws_answer(403, denial("InvalidSignatureException", "expired"),
                                      "Thu, 01 Jan 2026 00:20:00 GMT"),
                           aws_answer(200, "{}")});
  EXPECT_TRUE(call(transport).ok());
  EXPECT_EQ(transport.sent().at(1).headers.get("X-Amz-Date"), "20260101T002000Z");
  EXPECT_EQ(made->skew(), minutes(20));
}

TEST_F(ServiceTest, DoesNotBlameTheClockThatIsRight) {
  FakeTransport transport({aws_answer(403, denial("InvalidSignatureException", "wrong key"))});
  const Error error = service_error(call(transport), "x");
  EXPECT_EQ(error.kind(), ErrorKind::denied);
  EXPECT_EQ(transport.sent().size(), 1u);
}

TEST_F(ServiceTest, FetchesKeysAnewThatHaveExpired) {
  FakeTransport transport(
      {aws_answer(400, denial("ExpiredTokenException", "expired")), aws_answer(200, "{}")});
  EXPECT_TRUE(call(transport).ok());
  EXPECT_THAT(transport.sent().at(1).authorization(), HasSubstr("Credential=KEY2/"));
}

TEST_F(ServiceTest, AsksOnceMoreForKeysThatHaveExpired) {
  FakeTransport transport({aws_answer(400, denial("ExpiredTokenException", "expired"))});
  const Error error = service_error(call(transport), "x");
  EXPECT_EQ(error.kind(), ErrorKind::denied);
  EXPECT_THAT(error.hint(), HasSubstr("expired"));
  EXPECT_EQ(transport.sent().size(), 2u);
}

TEST_F(ServiceTest, SurvivesAnswersOfAnyShape) {
  for (const char* body : {"", "<html>", "[]", "null", R"({"__type":7})", R"({"message":[]})"}) {
    FakeTransport transport({aws_answer(400, body)});
    const ServiceReply reply = call(transport);
    EXPECT_FALSE(reply.ok()) << body;
    EXPECT_EQ(service_error(reply, "x").kind(), ErrorKind::failed) << body;
  }
}

TEST_F(ServiceTest, ShowsNoControlCharacters) {
  FakeTransport transport({aws_answer(400, R"({"__type":"A\u001b[31m","message":"b\u0007"})")});
  const std::string what = service_error(call(transport), "x").what();
  EXPECT_EQ(what.find('\x1b'), std::string::npos);
  EXPECT_EQ(what.find('\a'), std::string::npos);
}

}  // namespace
}  // namespace davit::transport::aws
