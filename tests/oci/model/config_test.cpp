#include "oci/model/config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "oci/base/error.hpp"
#include "oci/base/file.hpp"
#include "oci/model/json.hpp"
#include "tests/support/errors.hpp"
#include "tests/support/testdata.hpp"

namespace davit::oci {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using tests::testdata;

Digest digest(char digit) { return Digest::parse("sha256:" + std::string(64, digit)); }

std::string real_config() { return testdata("config/oci.json"); }

/// The least that derive_config asks for: a platform and a time.
ConfigChanges changes() {
  ConfigChanges result;
  result.platform = Platform::parse("linux/amd64");
  result.created = "2024-05-01T00:00:00Z";
  return result;
}

Json derive(const Json& base, const ConfigChanges& what) {
  return parse_json(derive_config(to_text(base), what), "it");
}

Json derive(const ConfigChanges& what) {
  return parse_json(derive_config(std::nullopt, what), "it");
}

Error parse_failure(std::string_view text) {
  return tests::thrown_by([&] { parse_config(text, "the config"); });
}

TEST(ParseConfig, ReadsAConfigOfARealImage) {
  const ImageConfig config = parse_config(real_config(), "the config");
  EXPECT_EQ(config.platform.str(), "linux/arm64/v8");
  EXPECT_EQ(config.created, "2024-04-27T03:19:21.491573861Z");
  EXPECT_EQ(config.diff_ids.size(), 2);
  ASSERT_EQ(config.history.size(), 4);
  EXPECT_TRUE(config.history[1].empty_layer);
  EXPECT_FALSE(config.history[2].empty_layer);
  EXPECT_THAT(config.history[3].created_by, HasSubstr("EXPOSE"));
  EXPECT_EQ(config.history[2].comment, "buildkit.dockerfile.v0");
  EXPECT_THAT(config.env, ElementsAre("PATH=/usr/local/sbin:/usr/local/bin:/usr/bin:/sbin:/bin",
                                      "LANG=C.UTF-8"));
  EXPECT_THAT(config.entrypoint, ElementsAre("/docker-entrypoint.sh"));
  EXPECT_THAT(config.cmd, ElementsAre("nginx", "-g", "daemon off;"));
  EXPECT_EQ(config.working_dir, "/srv");
  EXPECT_EQ(config.user, "101:101");
  EXPECT_THAT(config.labels, ElementsAre(Pair("maintainer", "Jörg <jörg@example.org>")));
  EXPECT_THAT(config.exposed_ports, ElementsAre("80/tcp"));
  EXPECT_THAT(config.volumes, ElementsAre("/data"));
}

TEST(ParseConfig, ReadsTheConfigOfAnOldDocker) {
  const ImageConfig config = parse_config(testdata("config/docker.json"), "the config");
  EXPECT_EQ(config.platform.str(), "linux/amd64");
  EXPECT_THAT(config.cmd, ElementsAre("sh"));
  EXPECT_TRUE(config.entrypoint.empty());
  EXPECT_TRUE(config.labels.empty());
}

TEST(ParseConfig, ReadsTheVersionOfWindows) {
  const ImageConfig config = parse_config(
      R"({"os":"windows","architecture":"amd64","os.version":"10.0.17763.5206"})", "the config");
  EXPECT_EQ(config.platform.os_version, "10.0.17763.5206");
}

TEST(ParseConfig, TakesAnEmptyObjectAsAConfigThatSaysNothing) {
  const ImageConfig config = parse_config("{}", "the config");
  EXPECT_EQ(config.platform, Platform());
  EXPECT_TRUE(config.diff_ids.empty());
}

TEST(ParseConfig, TakesNullAsAbsence) {
  const ImageConfig config = parse_config(
      R"({"config":null,"rootfs":{"type":"layers","diff_ids":null},"history":null,"author":null})",
      "the config");
  EXPECT_TRUE(config.diff_ids.empty());
  EXPECT_TRUE(config.history.empty());
  parse_config(R"({"config":{"Env":null,"Cmd":null,"Labels":null,"Volumes":null}})", "the config");
}

TEST(ParseConfig, NamesTheMemberOfTheWrongType) {
  const std::vector<std::pair<std::string, std::string>> table = {
      {R"([])", "the config: not an object"},
      {R"("text")", "the config: not an object"},
      {R"({"os":1})", "the config: 'os' is not a string"},
      {R"({"architecture":["amd64"]})", "the config: 'architecture' is not a string"},
      {R"({"created":0})", "the config: 'created' is not a string"},
      {R"({"rootfs":[]})", "the config: 'rootfs' is not an object"},
      {R"({"rootfs":{"diff_ids":{}}})", "the config: 'diff_ids' is not an array"},
      {R"({"rootfs":{"diff_ids":[1]}})",
       "the config: 'diff_ids' has a member that is not a string"},
      {R"({"rootfs":{"diff_ids":["sha256:12"]}})", "the config: 'sha256:12' is not a digest"},
      {R"({"history":{}})", "the config: 'history' is not an array"},
      {R"({"history":["x"]})", "the config: 'history' has a member that is not an object"},
      {R"({"history":[{"created_by":1}]})", "the config: 'created_by' is not a string"},
      {R"({"config":"x"})", "the config: 'config' is not an object"},
      {R"({"config":{"Env":"A=1"}})", "the config: 'Env' is not an array"},
      {R"({"config":{"Env":[null]}})", "the config: 'Env' has a member that is not a string"},
      {R"({"config":{"Cmd":"sh"}})", "the config: 'Cmd' is not an array"},
      {R"({"config":{"User":0}})", "the config: 'User' is not a string"},
      {R"({"config":{"Labels":{"a":1}}})", "the config: 'Labels' has a value that is not a string"},
      {R"({"config":{"Labels":[]}})", "the config: 'Labels' is not an object"},
      {R"({"config":{"ExposedPorts":["80/tcp"]}})", "the config: 'ExposedPorts' is not an object"},
  };
  for (const auto& [text, message] : table) {
    const Error error = parse_failure(text);
    EXPECT_EQ(error.kind(), ErrorKind::corrupt) << text;
    EXPECT_EQ(error.what(), message);
  }
}

TEST(DeriveConfig, MakesAConfigFromNothing) {
  ConfigChanges what = changes();
  what.layers = {{.diff_id = digest('a'), .created_by = "davit build --rootfs"}};
  EXPECT_EQ(derive_config(std::nullopt, what),
            R"({"architecture":"amd64","config":{},"created":"2024-05-01T00:00:00Z",)"
            R"("history":[{"created":"2024-05-01T00:00:00Z","created_by":"davit build --rootfs"}],)"
            R"("os":"linux","rootfs":{"diff_ids":["sha256:)" +
                std::string(64, 'a') + R"("],"type":"layers"}})");
}

TEST(DeriveConfig, GivesTheSameBytesForTheSameInput) {
  ConfigChanges what = changes();
  what.labels = {{"b", "2"}, {"a", "1"}};
  what.env = {"Z=1", "A=2"};
  EXPECT_EQ(derive_config(real_config(), what), derive_config(real_config(), what));
}

TEST(DeriveConfig, DoesNotDependOnTheOrderOfTheBasesMembers) {
  const std::string_view one = R"({"os":"linux","architecture":"amd64","x":{"a":1,"b":2}})";
  const std::string_view two = R"({"x":{"b":2,"a":1},"architecture":"amd64","os":"linux"})";
  EXPECT_EQ(derive_config(one, changes()), derive_config(two, changes()));
}

TEST(DeriveConfig, KeepsUnknownMembers) {
  const Json base = parse_json(real_config(), "it");
  const Json derived = derive(base, changes());
  EXPECT_EQ(derived["moby.buildkit.buildinfo.v1"], base["moby.buildkit.buildinfo.v1"]);
  EXPECT_EQ(derived["config"]["OnBuild"], base["config"]["OnBuild"]);
  EXPECT_EQ(derived["config"]["Shell"], base["config"]["Shell"]);
}

TEST(DeriveConfig, ReplacesAVariableOfTheEnvironmentInItsPlace) {
  ConfigChanges what = changes();
  what.env = {"LANG=de_DE", "NEW=a=b", "NEW=c", "LAN=short"};
  EXPECT_EQ(derive(parse_json(real_config(), "it"), what)["config"]["Env"],
            Json::array({"PATH=/usr/local/sbin:/usr/local/bin:/usr/bin:/sbin:/bin", "LANG=de_DE",
                         "NEW=c", "LAN=short"}));
}

TEST(DeriveConfig, TakesAnEmptyValueOfAVariable) {
  ConfigChanges what = changes();
  what.env = {"LANG="};
  EXPECT_EQ(derive(parse_json(real_config(), "it"), what)["config"]["Env"][1], "LANG=");
}

TEST(DeriveConfig, RefusesAVariableWithoutNameOrValue) {
  for (const char* assignment : {"PATH", "", "=value", "="}) {
    ConfigChanges what = changes();
    what.env = {assignment};
    const Error error = tests::thrown_by([&] { derive(parse_json(real_config(), "it"), what); });
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_EQ(error.what(),
              "the environment variable '" + std::string(assignment) + "' is not NAME=VALUE");
  }
}

TEST(DeriveConfig, DropsTheBasesCmdWithANewEntrypoint) {
  ConfigChanges what = changes();
  what.entrypoint = {"/app"};
  const Json run = derive(parse_json(real_config(), "it"), what)["config"];
  EXPECT_EQ(run["Entrypoint"], Json::array({"/app"}));
  EXPECT_FALSE(run.contains("Cmd"));
}

TEST(DeriveConfig, KeepsANewCmdBesideANewEntrypoint) {
  ConfigChanges what = changes();
  what.entrypoint = {"/app"};
  what.cmd = {"serve"};
  const Json run = derive(parse_json(real_config(), "it"), what)["config"];
  EXPECT_EQ(run["Cmd"], Json::array({"serve"}));
}

TEST(DeriveConfig, KeepsTheBasesEntrypointBesideANewCmd) {
  ConfigChanges what = changes();
  what.cmd = {"serve"};
  const Json run = derive(parse_json(real_config(), "it"), what)["config"];
  EXPECT_EQ(run["Entrypoint"], Json::array({"/docker-entrypoint.sh"}));
  EXPECT_EQ(run["Cmd"], Json::array({"serve"}));
}

TEST(DeriveConfig, AddsToMapsAndReplacesWords) {
  ConfigChanges what = changes();
  what.author = "A";
  what.working_dir = "/w";
  what.user = "0";
  what.stop_signal = "SIGINT";
  what.healthcheck = {"CMD", "true"};
  what.exposed_ports = {"53/udp"};
  what.volumes = {"/var"};
  what.labels = {{"new", "1"}, {"maintainer", "other"}};
  const Json derived = derive(parse_json(real_config(), "it"), what);
  EXPECT_EQ(derived["author"], "A");
  const Json& run = derived["config"];
  EXPECT_EQ(run["WorkingDir"], "/w");
  EXPECT_EQ(run["User"], "0");
  EXPECT_EQ(run["StopSignal"], "SIGINT");
  EXPECT_EQ(run["Healthcheck"], (Json{{"Test", Json::array({"CMD", "true"})}}));
  EXPECT_EQ(run["ExposedPorts"], (Json{{"53/udp", Json::object()}, {"80/tcp", Json::object()}}));
  EXPECT_EQ(run["Volumes"], (Json{{"/data", Json::object()}, {"/var", Json::object()}}));
  EXPECT_EQ(run["Labels"], (Json{{"maintainer", "other"}, {"new", "1"}}));
}

TEST(DeriveConfig, PutsLayersOnTopOfTheBases) {
  ConfigChanges what = changes();
  what.author = "A";
  what.layers = {{digest('a'), "one"}, {digest('b'), "two"}};
  const Json base = parse_json(real_config(), "it");
  const Json derived = derive(base, what);
  ASSERT_EQ(derived["rootfs"]["diff_ids"].size(), 4);
  EXPECT_EQ(derived["rootfs"]["diff_ids"][0], base["rootfs"]["diff_ids"][0]);
  EXPECT_EQ(derived["rootfs"]["diff_ids"][3], digest('b').str());
  ASSERT_EQ(derived["history"].size(), 6);
  EXPECT_EQ(derived["history"][5],
            (Json{{"author", "A"}, {"created", what.created}, {"created_by", "two"}}));
}

TEST(DeriveConfig, FillsTheHistoryUpToTheBasesLayers) {
  const Json layers = Json::array({digest('1').str(), digest('2').str(), digest('3').str()});
  const Json base = {{"rootfs", {{"type", "layers"}, {"diff_ids", layers}}},
                     {"history", Json::array({Json{{"created_by", "x"}},
                                              Json{{"empty_layer", true}}, Json::object()})}};
  ConfigChanges what = changes();
  what.layers = {{digest('a'), "ours"}};
  const Json history = derive(base, what)["history"];
  ASSERT_EQ(history.size(), 5);
  EXPECT_EQ(history[3], (Json{{"comment", "layer of the base image"}}));
  EXPECT_EQ(history[4]["created_by"], "ours");
}

TEST(DeriveConfig, CountsAnEntryThatSaysNotEmptyAsALayer) {
  const Json base = {{"rootfs", {{"diff_ids", Json::array({digest('1').str()})}}},
                     {"history", Json::array({Json{{"empty_layer", false}}})}};
  ConfigChanges what = changes();
  what.layers = {{digest('a'), "ours"}};
  EXPECT_EQ(derive(base, what)["history"].size(), 2);
}

TEST(DeriveConfig, SaysInTheHistoryThatOnlyTheConfigChanged) {
  const Json history = derive(parse_json(real_config(), "it"), changes())["history"];
  ASSERT_EQ(history.size(), 5);
  EXPECT_EQ(history[4]["empty_layer"], true);
}

TEST(DeriveConfig, TakesNullMembersOfTheBaseAsAbsent) {
  const Json base = {{"config", {{"Env", nullptr}, {"Labels", nullptr}, {"Volumes", nullptr}}},
                     {"history", nullptr},
                     {"rootfs", {{"type", "layers"}, {"diff_ids", nullptr}}}};
  ConfigChanges what = changes();
  what.env = {"A=1"};
  what.labels = {{"l", "v"}};
  what.volumes = {"/v"};
  what.layers = {{digest('a'), "ours"}};
  const Json derived = derive(base, what);
  EXPECT_EQ(derived["config"]["Env"], Json::array({"A=1"}));
  EXPECT_EQ(derived["rootfs"]["diff_ids"].size(), 1);
  EXPECT_EQ(derive({{"config", nullptr}, {"rootfs", nullptr}}, what)["history"].size(), 1);
}

TEST(DeriveConfig, AlwaysSaysThatTheRootIsOfLayers) {
  const Json base = {{"rootfs", {{"type", "layers+base"}}}};
  EXPECT_EQ(derive(base, changes())["rootfs"]["type"], "layers");
  EXPECT_EQ(derive(changes())["rootfs"], (Json{{"type", "layers"}, {"diff_ids", Json::array()}}));
}

TEST(DeriveConfig, RefusesABaseWithMembersOfTheWrongType) {
  for (const Json& base : std::vector<Json>{Json::array(),
                                            {{"config", 1}},
                                            {{"config", {{"Env", "A=1"}}}},
                                            {{"rootfs", "x"}},
                                            {{"rootfs", {{"diff_ids", Json::object()}}}},
                                            {{"history", Json::object()}}}) {
    ConfigChanges what = changes();
    what.env = {"A=1"};
    const Error error = tests::thrown_by([&] { derive(base, what); });
    EXPECT_EQ(error.kind(), ErrorKind::corrupt) << to_text(base);
    EXPECT_THAT(error.what(), HasSubstr("the base image's configuration")) << to_text(base);
  }
}

TEST(DeriveConfig, TakesThePlatformOfTheBase) {
  ConfigChanges what = changes();
  what.platform = std::nullopt;
  const Json derived = derive(parse_json(real_config(), "it"), what);
  EXPECT_EQ(derived["architecture"], "arm64");
  EXPECT_EQ(derived["variant"], "v8");
}

TEST(DeriveConfig, KeepsWhatThePlatformLeavesOpen) {
  const Json base = {{"os", "windows"},
                     {"architecture", "amd64"},
                     {"os.version", "10.0.17763.5206"},
                     {"os.features", Json::array({"win32k"})}};
  ConfigChanges what = changes();
  what.platform = Platform::parse("windows/amd64");
  EXPECT_EQ(derive(base, what)["os.version"], "10.0.17763.5206");
  EXPECT_EQ(derive(base, what)["os.features"], Json::array({"win32k"}));
}

TEST(DeriveConfig, ForgetsTheDetailsOfAnotherPlatform) {
  ConfigChanges what = changes();
  what.platform = Platform::parse("linux/riscv64");
  const Json derived = derive(parse_json(real_config(), "it"), what);
  EXPECT_EQ(derived["architecture"], "riscv64");
  EXPECT_FALSE(derived.contains("variant"));
}

TEST(DeriveConfig, RefusesAnImageWithoutAPlatform) {
  ConfigChanges what = changes();
  what.platform = std::nullopt;
  EXPECT_EQ(tests::thrown_by([&] { derive(what); }).kind(), ErrorKind::usage);
  EXPECT_EQ(tests::thrown_by([&] { derive({{"os", "linux"}}, what); }).kind(), ErrorKind::usage);
}

TEST(DeriveConfig, NamesATextThatIsNotUtf8) {
  const auto message = [](const auto& change) {
    ConfigChanges what = changes();
    change(what);
    const Error error = tests::thrown_by([&] { derive(what); });
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    return std::string(error.what());
  };
  EXPECT_EQ(message([](ConfigChanges& c) { c.labels["name"] = "\xff"; }),
            "'config.Labels.name' is not UTF-8");
  EXPECT_EQ(message([](ConfigChanges& c) { c.labels["n\xff"] = "v"; }),
            "'config.Labels.n\\xff' is not UTF-8");
  EXPECT_EQ(message([](ConfigChanges& c) {
              c.env = {"A=1", "B=\xed\xa0\x80"};
            }),
            "'config.Env.1' is not UTF-8");
  EXPECT_EQ(message([](ConfigChanges& c) { c.author = "\xc3"; }), "'author' is not UTF-8");
  EXPECT_EQ(message([](ConfigChanges& c) { c.cmd = {"\x80"}; }), "'config.Cmd.0' is not UTF-8");
}

TEST(DeriveConfig, ReadsBackAsAConfig) {
  ConfigChanges what = changes();
  what.labels = {{"quote", "\"\\\n\u2028"}};
  const ImageConfig config = parse_config(derive_config(real_config(), what), "the new config");
  EXPECT_EQ(config.labels.at("quote"), "\"\\\n\u2028");
}

}  // namespace
}  // namespace davit::oci
