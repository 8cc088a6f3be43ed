#include "oci/base/log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace davit::oci {
namespace {

class Log : public testing::Test {
 protected:
  void TearDown() override { set_log(nullptr); }
};

TEST_F(Log, GoesNowhereByDefault) { log(LogLevel::warning, "lost"); }

TEST_F(Log, GoesWhereItWasSent) {
  std::vector<std::pair<LogLevel, std::string>> seen;
  set_log([&](LogLevel level, std::string_view message) { seen.emplace_back(level, message); });
  log(LogLevel::warning, "one");
  log(LogLevel::debug, "two");
  EXPECT_THAT(seen, testing::ElementsAre(testing::Pair(LogLevel::warning, "one"),
                                         testing::Pair(LogLevel::debug, "two")));
}

TEST_F(Log, GoesNowhereAgain) {
  int seen = 0;
  set_log([&](LogLevel, std::string_view) { ++seen; });
  set_log(nullptr);
  log(LogLevel::warning, "lost");
  EXPECT_EQ(seen, 0);
}

}  // namespace
}  // namespace davit::oci
