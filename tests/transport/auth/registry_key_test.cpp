#include "transport/auth/registry_key.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace davit::transport {
namespace {

using Strings = std::vector<std::string>;

TEST(RegistryKey, SpellingsOfOneRegistryAreOneKey) {
  struct Row {
    const char* key;
    const char* canonical;
  };
  const Row rows[] = {
      {"registry.example", "registry.example"},
      {"Registry.Example", "registry.example"},
      {"https://registry.example", "registry.example"},
      {"HTTPS://registry.example/", "registry.example"},
      {"http://registry.example:5000", "registry.example:5000"},
      {"https://registry.example/v1/", "registry.example"},
      {"https://registry.example/v2/", "registry.example"},
      {"https://registry.example/v2", "registry.example"},
      {"registry.example/v1/", "registry.example"},
      {"https://index.docker.io/v1/", "docker.io"},
      {"index.docker.io", "docker.io"},
      {"registry-1.docker.io", "docker.io"},
      {"docker.io", "docker.io"},
      {"[::1]:5000", "[::1]:5000"},
      {"registry.example/team/app", "registry.example/team/app"},
      {"docker.io/library", "docker.io/library"},
      {"registry.example/v2", "registry.example/v2"},
      {"https://index.docker.io/v1/access-token", "docker.io/v1/access-token"},
  };
  for (const Row& row : rows) EXPECT_EQ(canonical_key(row.key), row.canonical) << row.key;
}

TEST(RegistryKey, OfAnotherRegistryIsAnotherKey) {
  const char* others[] = {"registry.example.evil", "evil.registry.example",
                          "registry.example:443",  "registry.example@evil",
                          "xregistry.example",     "https://https://registry.example",
                          "registry.example.",     ""};
  for (const char* other : others) EXPECT_NE(canonical_key(other), "registry.example") << other;
}

TEST(RegistryKey, TheLongestNamespaceComesFirst) {
  EXPECT_EQ(keys_for("R.example", "team/app"),
            (Strings{"r.example/team/app", "r.example/team", "r.example"}));
  EXPECT_EQ(keys_for("r.example", ""), Strings{"r.example"});
  EXPECT_EQ(keys_for("docker.io", "library/python"),
            (Strings{"docker.io/library/python", "docker.io/library", "docker.io"}));
}

TEST(RegistryKey, DockerHubHasItsOldAddress) {
  EXPECT_EQ(server_address("docker.io"), "https://index.docker.io/v1/");
  EXPECT_EQ(server_address("registry.example:5000"), "registry.example:5000");
}

}  // namespace
}  // namespace davit::transport
