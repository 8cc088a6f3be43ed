#include <fmt/format.h>

#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"
#include "src/cli/ecr_command.hpp"
#include "src/cli/terminal.hpp"
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
  Arguments command = family.command(name, help);
  words->declare_region(command);
  command.positional("NAME", words->place, "the repository");
  return command;
}

void print_policy(const std::optional<std::string>& policy, const std::string& what) {
  if (!policy) throw Error(ErrorKind::not_found, what);
  write_stdout(policy->ends_with('\n') ? *policy : *policy + "\n");
}

/// Whose policy was changed.
void print_name(Session& session, const ecr::Place& place) {
  session.output().line(place.name);
  session.output().member("name", place.name);
}

void preview(Session& session, const Words& words) {
  std::optional<std::string> policy;
  if (!words.file.empty()) {
    policy = read_input(words.file, policy_limit);
    ecr::validate_lifecycle(*policy, oci::printable(words.file));
  }
  const ecr::Place place = words.parse_repository(session);
  const auto actions = ecr::Lifecycle(session.call(), session.ecr(), place).preview(policy);
  Output& out = session.output();
  out.table("actions", {{"ACTION", "action"},
                        {"RULE", "rule"},
                        {"PUSHED", "pushed"},
                        {"DIGEST", "digest"},
                        {"TAGS", "tags"}});
  for (const ecr::LifecycleAction& action : actions) {
    out.row({action.action, action.rule, Time{action.pushed}, action.digest, action.tags});
  }
  session.remark(fmt::format("{} images", actions.size()));
}

}  // namespace

void declare_ecr_lifecycle(Arguments family) {
  auto get = std::make_shared<Words>();
  Arguments getting = declare_on(family, "get", "print it", get);
  declare_common(getting, Prints::bytes);
  getting.run([get](Session& session) {
    const ecr::Place place = get->parse_repository(session);
    print_policy(ecr::Lifecycle(session.call(), session.ecr(), place).get(),
                 place.name + " has no lifecycle policy");
  });

  auto put = std::make_shared<Words>();
  Arguments putting = declare_on(family, "put", "set it, once it is found to be valid", put);
  putting.positional("FILE", put->file, "the policy (JSON), or - for standard input");
  declare_common(putting);
  putting.run([put](Session& session) {
    const std::string policy = read_input(put->file, policy_limit);
    ecr::validate_lifecycle(policy, oci::printable(put->file));
    const ecr::Place place = put->parse_repository(session);
    ecr::Lifecycle(session.call(), session.ecr(), place).put(policy);
    print_name(session, place);
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
    const ecr::Place place = gone->parse_repository(session);
    ecr::Lifecycle(session.call(), session.ecr(), place).remove();
    print_name(session, place);
  });
}

void declare_ecr_policy(Arguments family) {
  auto get = std::make_shared<Words>();
  Arguments getting = declare_on(family, "get", "print it", get);
  declare_common(getting, Prints::bytes);
  getting.run([get](Session& session) {
    const ecr::Place place = get->parse_repository(session);
    print_policy(ecr::Repositories(session.call(), session.ecr(), place.host).policy(place.name),
                 place.name + " has no repository policy");
  });

  auto set = std::make_shared<Words>();
  Arguments setting = declare_on(family, "set", "set it", set);
  setting.positional("FILE", set->file, "the policy (JSON), or - for standard input");
  declare_common(setting);
  setting.run([set](Session& session) {
    const std::string policy = read_input(set->file, policy_limit);
    const ecr::Place place = set->parse_repository(session);
    ecr::Repositories(session.call(), session.ecr(), place.host).set_policy(place.name, policy);
    print_name(session, place);
  });
}

}  // namespace davit::app
