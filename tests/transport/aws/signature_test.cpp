#include "transport/aws/signature.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace davit::transport::aws {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

/// AWS's own vectors (aws4_testsuite) are all of these keys and this moment.
const Keys example{"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", ""};
const SigningScope scope{"us-east-1", "service"};
const auto moment = std::chrono::system_clock::from_time_t(1440938160);  // 2015-08-30T12:36:00Z

const std::string session =
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfI"
    "eoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0"
    "wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDry"
    "pNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";

Request request_to(const std::string& method, const std::string& url) {
  Request request;
  request.method = method;
  request.url = Url::parse(url);
  return request;
}

std::string signature(Request request, std::string_view payload = "", const Keys& keys = example,
                      const SigningScope& in = scope) {
  sign(request, payload, keys, in, moment);
  return request.headers.get("Authorization").value_or("");
}

Request ecr_request() {
  Request request = request_to("POST", "https://api.ecr.us-east-1.amazonaws.com/");
  request.headers.set("Content-Type", "application/x-amz-json-1.1");
  request.headers.set("X-Amz-Target", "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken");
  return request;
}

TEST(Signature, IsAwssForTheVanillaVectors) {
  EXPECT_EQ(signature(request_to("GET", "https://example.amazonaws.com/")),
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
            "SignedHeaders=host;x-amz-date, "
            "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
  EXPECT_THAT(signature(request_to("POST", "https://example.amazonaws.com/")),
              EndsWith("5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"));
}

TEST(Signature, IsAwssForAForm) {
  Request request = request_to("POST", "https://example.amazonaws.com/");
  request.headers.set("Content-Type", "application/x-www-form-urlencoded");
  EXPECT_THAT(signature(request, "Param1=value1"),
              EndsWith("ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"));
}

TEST(Signature, IsAwssForAnUnsortedQuery) {
  EXPECT_THAT(
      signature(request_to("GET", "https://example.amazonaws.com/?Param2=value2&Param1=value1")),
      EndsWith("b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"));
}

TEST(Signature, OfAnEcrCallCoversItsTarget) {
  const std::string authorization = signature(ecr_request(), "{}", example, {"us-east-1", "ecr"});
  EXPECT_THAT(authorization,
              HasSubstr("SignedHeaders=content-type;host;x-amz-date;x-amz-target, "));
  EXPECT_THAT(authorization,
              EndsWith("527a2155e9afc2426cb4c659023df9c031e8103458f349819615ff25111f5de0"));
}

TEST(Signature, IsAwssWithASessionToken) {
  Keys keys = example;
  keys.session_token = session;
  Request request = request_to("POST", "https://example.amazonaws.com/");
  sign(request, "", keys, scope, moment);
  EXPECT_EQ(request.headers.get("X-Amz-Security-Token"), session);
  EXPECT_THAT(*request.headers.get("Authorization"),
              EndsWith("85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"));
}

TEST(Signature, MayBeRenewed) {
  Request request = request_to("GET", "https://example.amazonaws.com/");
  sign(request, "", example, scope, moment - std::chrono::hours(1));
  EXPECT_EQ(signature(request), signature(request_to("GET", "https://example.amazonaws.com/")));
}

TEST(Signature, CoversThePortWhereThereIsOne) {
  EXPECT_NE(signature(request_to("GET", "https://example.amazonaws.com:8443/")),
            signature(request_to("GET", "https://example.amazonaws.com/")));
  EXPECT_EQ(signature(request_to("GET", "https://example.amazonaws.com:443/")),
            signature(request_to("GET", "https://example.amazonaws.com/")));
}

TEST(Signature, TakesBlanksInValuesForOne) {
  Request wide = request_to("GET", "https://example.amazonaws.com/");
  Request narrow = wide;
  wide.headers.set("My-Header", "  a   b  ");
  narrow.headers.set("My-Header", "a b");
  EXPECT_EQ(signature(wide), signature(narrow));
}

}  // namespace
}  // namespace davit::transport::aws
