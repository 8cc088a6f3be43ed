#include "transport/auth/credentials.hpp"

#include <gtest/gtest.h>

#include "oci/base/error.hpp"

namespace davit::transport {
namespace {

struct FailingSource final : CredentialSource {
  std::optional<Credentials> find(const oci::Call&, std::string_view, std::string_view) override {
    throw oci::Error(oci::ErrorKind::failed, "out of order");
  }
  void forget(const oci::Call&, std::string_view, const Credentials&) override {}
};

TEST(FixedCredentials, AreForOneRegistryAlone) {
  FixedCredentials fixed("registry.example", {.username = "ann", .password = "pw"});
  EXPECT_EQ(fixed.find({}, "registry.example", "any/repository")->username, "ann");
  EXPECT_FALSE(fixed.find({}, "registry.example:5000", ""));
  EXPECT_FALSE(fixed.find({}, "registry.example.evil", ""));
}

TEST(FirstOf, TheFirstThatKnowsAnswers) {
  FixedCredentials a("a.example", {.username = "ann"});
  FixedCredentials b("b.example", {.username = "bob"});
  FixedCredentials again("a.example", {.username = "eve"});
  FirstOf sources({a, b, again});
  EXPECT_EQ(sources.find({}, "a.example", "")->username, "ann");
  EXPECT_EQ(sources.find({}, "b.example", "")->username, "bob");
  EXPECT_FALSE(sources.find({}, "c.example", ""));
}

TEST(FirstOf, AFailureIsNotPassedOver) {
  FailingSource failing;
  FixedCredentials fixed("a.example", {.username = "ann"});
  EXPECT_THROW(FirstOf({failing, fixed}).find({}, "a.example", ""), oci::Error);
  EXPECT_EQ(FirstOf({fixed, failing}).find({}, "a.example", "")->username, "ann");
}

}  // namespace
}  // namespace davit::transport
