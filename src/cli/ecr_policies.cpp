#include <fmt/format.h>

#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"
#include "src/cli/ecr_command.hpp"
#include "src/cli/json_text.hpp"
#include "src/cli/terminal.hpp"
#include "src/cli/values.hpp"
#include "transport/ecr/lifecycle.hpp"
#include "transport/ecr/repositories.hpp"

namespace davit::app {
namespace {

using oci::Error;
using oci::ErrorKind;

constexpr std::uint64_t policy_limit = 1024 * 1024;

struct Words : EcrWords {
  std::string file;
};

/// A command on one repository's policy.
Arguments declare_on(Arguments& family, const std::string& name, const std::string& help,
                     const std::shared_ptr<Words>& words) {
  Arguments command = declare_ecr_command(family, name, help, words);
  command.positional("NAME", words->place, "the repository");
  return command;
}

void print_policy(const std::optional<std::string>& policy, const std::string& what) {
  if (!policy) throw Error(ErrorKind::not_found, what);
  write_stdout(policy->ends_with('\n') ? *policy : *policy + "\n");
}

void preview(Session& session, const Words& words) {
  std::optional<std::string> policy;
  if (!words.file.empty()) {
    policy = read_input(words.file, policy_limit);
    ecr::validate_lifecycle(*policy, oci::printable(words.file));
  }
  const ecr::Place place = words.parse_place(session);
  const auto actions = ecr::Lifecycle(session.ecr(), place).preview(policy, session.stop());
  if (session.json()) {
    auto json = nlohmann::ordered_json::array();
    for (const ecr::LifecycleAction& action : actions) {
      json.push_back({{"digest", action.digest},
                      {"tags", action.tags},
                      {"pushed", rfc3339(action.pushed)},
                      {"action", action.action},
                      {"rule", action.rule}});
    }
    return write_stdout(json_text(json));
  }
  std::vector<std::vector<std::string>> rows = {{"ACTION", "RULE", "PUSHED", "DIGEST", "TAGS"}};
  for (const ecr::LifecycleAction& action : actions) {
    rows.push_back({oci::printable(action.action), std::to_string(action.rule),
                    rfc3339(action.pushed), oci::printable(action.digest),
                    oci::printable(fmt::format("{}", fmt::join(action.tags, ",")))});
  }
  write_stdout(table(rows));
  write_stderr(fmt::format("{} images\n", actions.size()));
}

void declare_lifecycle(Arguments& ecr) {
  Arguments family =
      ecr.command("lifecycle", "read, try, set or delete the lifecycle policy of a repository");

  auto get = std::make_shared<Words>();
  Arguments getting = declare_on(family, "get", "print it", get);
  declare_common(getting);
  getting.run([get](Session& session) {
    const ecr::Place place = get->parse_place(session);
    print_policy(ecr::Lifecycle(session.ecr(), place).get(),
                 place.name + " has no lifecycle policy");
  });

  auto put = std::make_shared<Words>();
  Arguments putting = declare_on(family, "put", "set it, once it is found to be valid", put);
  putting.positional("FILE", put->file, "the policy (JSON), or - for standard input");
  declare_common(putting);
  putting.run([put](Session& session) {
    const std::string policy = read_input(put->file, policy_limit);
    ecr::validate_lifecycle(policy, oci::printable(put->file));
    const ecr::Place place = put->parse_place(session);
    ecr::Lifecycle(session.ecr(), place).put(policy);
    write_stdout(place.name + "\n");
  });

  auto show = std::make_shared<Words>();
  Arguments previewing = declare_on(family, "preview", "say what it would do", show);
  previewing.optional_positional("FILE", show->file,
                                 "a policy to try; by default the one in force");
  declare_common(previewing);
  previewing.run([show](Session& session) { preview(session, *show); });

  auto gone = std::make_shared<Words>();
  Arguments deleting = declare_on(family, "delete", "delete it", gone);
  declare_common(deleting);
  deleting.run([gone](Session& session) {
    const ecr::Place place = gone->parse_place(session);
    ecr::Lifecycle(session.ecr(), place).remove();
    write_stdout(place.name + "\n");
  });
}

void declare_policy(Arguments& ecr) {
  Arguments family = ecr.command("policy", "read or set the repository policy: who may do what");

  auto get = std::make_shared<Words>();
  Arguments getting = declare_on(family, "get", "print it", get);
  declare_common(getting);
  getting.run([get](Session& session) {
    const ecr::Place place = get->parse_place(session);
    print_policy(ecr::Repositories(session.ecr(), place.host).policy(place.name),
                 place.name + " has no repository policy");
  });

  auto set = std::make_shared<Words>();
  Arguments setting = declare_on(family, "set", "set it", set);
  setting.positional("FILE", set->file, "the policy (JSON), or - for standard input");
  declare_common(setting);
  setting.run([set](Session& session) {
    const std::string policy = read_input(set->file, policy_limit);
    const ecr::Place place = set->parse_place(session);
    ecr::Repositories(session.ecr(), place.host).set_policy(place.name, policy);
    write_stdout(place.name + "\n");
  });
}

}  // namespace

void declare_ecr_policies(Arguments& ecr) {
  declare_lifecycle(ecr);
  declare_policy(ecr);
}

}  // namespace davit::app
