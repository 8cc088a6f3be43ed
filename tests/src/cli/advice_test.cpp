#include "src/cli/advice.hpp"

#include <gtest/gtest.h>

namespace davit::app {
namespace {

using oci::Advice;
using oci::Error;
using oci::ErrorKind;

TEST(HintOf, IsTheErrorsOwnSentenceWhereItHasOne) {
  EXPECT_EQ(hint_of(Error(ErrorKind::failed, "x", "set HOME")), "set HOME");
  EXPECT_EQ(hint_of(Error(ErrorKind::failed, "x")), "");
}

TEST(HintOf, NamesTheCommandAndWhatItIsFor) {
  EXPECT_EQ(hint_of(Error(ErrorKind::denied, "x", Advice::log_in, "registry.example:5000")),
            "log in with `davit login registry.example:5000`");
  EXPECT_EQ(hint_of(Error(ErrorKind::not_found, "x", Advice::create_repository, "team/app")),
            "davit ecr create team/app makes it");
}

TEST(HintOf, NamesTheOption) {
  const auto hint = [](Advice advice) { return hint_of(Error(ErrorKind::failed, "x", advice)); };
  EXPECT_NE(hint(Advice::speak_plain_http).find("--plain-http"), std::string::npos);
  EXPECT_NE(hint(Advice::trust_authority).find("--ca-file FILE"), std::string::npos);
  EXPECT_NE(hint(Advice::trust_authority).find("--insecure"), std::string::npos);
  EXPECT_NE(hint(Advice::create_repository).find("--create"), std::string::npos);
  EXPECT_NE(hint(Advice::allow_more).find("--max-size"), std::string::npos);
  EXPECT_NE(hint(Advice::delete_by_digest).find("davit digest"), std::string::npos);
}

TEST(HintOf, LetsNoEscapesThrough) {
  EXPECT_EQ(hint_of(Error(ErrorKind::denied, "x", Advice::log_in, "a\x1b[2J")).find('\x1b'),
            std::string::npos);
}

}  // namespace
}  // namespace davit::app
