#include <fmt/format.h>

#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"
#include "src/cli/ecr_command.hpp"
#include "src/cli/terminal.hpp"
#include "src/cli/values.hpp"
#include "src/ops/ecr_settings.hpp"
#include "transport/ecr/reconcile.hpp"
#include "transport/ecr/repositories.hpp"
#include "transport/ecr/usage.hpp"

namespace davit::app {
namespace {

using oci::Error;
using oci::ErrorKind;
using oci::printable;

/// Whether a person sees more than a script gets.
enum class Labels { shown, hidden };

void describe(Output& out, const ecr::RepositoryInfo& found, Labels labels) {
  const auto label = [&](const char* text) { return labels == Labels::shown ? text : ""; };
  const std::string except =
      found.exclusions.empty() ? "" : fmt::format(" ({})", fmt::join(found.exclusions, ", "));
  out.fact(label("Name"), "name", found.name);
  out.fact(label("URI"), "uri", found.uri);
  out.fact(label("ARN"), "arn", found.arn);
  out.fact(label("Created"), "created", Time{found.created});
  out.fact(label("Tags"), "", found.mutability + except);
  out.fact("", "mutability", found.mutability);
  out.fact("", "exclusions", found.exclusions);
  out.fact(label("Scan on push"), "scanOnPush", found.scan_on_push);
  out.fact(label("Encryption"), "",
           found.encryption + (found.kms_key.empty() ? "" : " " + found.kms_key));
  out.fact("", "encryption", found.encryption);
  out.fact("", "kmsKey", found.kms_key);
}

struct CreateWords : EcrWords {
  std::string settings;
  std::string mutability;
  std::vector<std::string> exclude;
  bool scan_on_push = false;
  std::string encryption;
  std::string lifecycle;
  std::string policy;
  std::vector<std::string> tags;
};

constexpr std::uint64_t policy_file_limit = 1024 * 1024;

ecr::RepositorySettings settings_of(const CreateWords& words) {
  ecr::RepositorySettings settings;
  if (!words.settings.empty()) settings = parse_settings(words.settings);
  if (!words.mutability.empty()) settings.mutability = words.mutability;
  if (!words.exclude.empty()) settings.exclusions = words.exclude;
  if (words.scan_on_push) settings.scan_on_push = true;
  if (!words.encryption.empty()) set_encryption(settings, words.encryption);
  if (!words.lifecycle.empty()) {
    settings.lifecycle = read_input(words.lifecycle, policy_file_limit);
  }
  if (!words.policy.empty()) settings.policy = read_input(words.policy, policy_file_limit);
  for (const auto& [key, value] : parse_assignments("--tag", words.tags)) {
    settings.tags[key] = value;
  }
  settings.check();
  return settings;
}

/// Says in what a repository that exists already differs from what was asked for.
void say_differences(Session& session, ecr::Repositories& repositories,
                     const ecr::RepositoryInfo& repository,
                     const ecr::RepositorySettings& settings) {
  session.remark(repository.name + " exists already");
  try {
    for (const ecr::Difference& one : ecr::differences(repositories, repository, settings)) {
      session.remark(fmt::format("it differs from what is asked for: {}{}", printable(one.line),
                                 one.change ? "; davit ecr apply changes it" : ""));
    }
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::denied) throw;
    session.remark(fmt::format("whether it is as asked for is not known: {}", error.what()));
  }
}

}  // namespace

void declare_ecr_create(Arguments command) {
  auto words = std::make_shared<CreateWords>();
  words->declare_region(command);
  command.positional("NAME", words->place, "the repository; may name its registry too");
  command.option("--mutability", "WORD", words->mutability,
                 "MUTABLE, IMMUTABLE, MUTABLE_WITH_EXCLUSION or IMMUTABLE_WITH_EXCLUSION");
  command.list("--exclude", "PATTERN", words->exclude, "tags that the mutability is not for");
  command.flag("--scan-on-push", words->scan_on_push, "scan each image that is pushed");
  command.option("--encryption", "TYPE[:KEY]", words->encryption, "AES256, KMS or KMS_DSSE");
  command.option("--lifecycle", "FILE", words->lifecycle, "a lifecycle policy (JSON)");
  command.option("--policy", "FILE", words->policy, "a repository policy (JSON)");
  command.list("--tag", "KEY=VALUE", words->tags, "tag of the repository");
  command.option("--ecr-settings", "FILE", words->settings, "all of these from a file (YAML)");
  command.footer(
      "A repository that exists is success. It is left as it is, but for a policy that it has "
      "none\n"
      "of: an earlier run may have come no further. `davit ecr apply` changes one.\n"
      "A file of settings has any of: mutability, exclude (a list), scan_on_push, encryption,\n"
      "kms_key, tags (a map), lifecycle and policy (JSON, or a file with it).\n"
      "Example:\n"
      "  davit ecr create team/app --mutability IMMUTABLE --scan-on-push --lifecycle keep-30.json");
  declare_common(command);
  command.run([words](Session& session) {
    const ecr::RepositorySettings settings = settings_of(*words);
    const ecr::Place place = words->parse_repository(session);
    ecr::Repositories repositories(session.call(), session.ecr(), place.host);
    const auto made = repositories.create(place.name, settings);
    const ecr::RepositoryInfo repository = made ? *made : repositories.get(place.name);
    if (!made) say_differences(session, repositories, repository, settings);
    Output& out = session.output();
    out.line(repository.uri);
    describe(out, repository, Labels::hidden);
    out.member("made", made.has_value());
  });
}

void declare_ecr_repos(Arguments command) {
  auto words = std::make_shared<EcrWords>();
  words->declare_region(command);
  command.optional_positional("REGISTRY", words->place, "the registry's host");
  declare_common(command);
  command.run([words](Session& session) {
    const auto host = parse_ecr_registry(words->place, words->region, session.ecr());
    const std::vector<ecr::RepositoryInfo> all =
        ecr::Repositories(session.call(), session.ecr(), host).list();
    Output& out = session.output();
    out.table("repositories", {{"REPOSITORY", "name"},
                               {"", "uri"},
                               {"", "arn"},
                               {"CREATED", "created"},
                               {"TAGS", "mutability"},
                               {"", "exclusions"},
                               {"SCAN ON PUSH", "scanOnPush"},
                               {"ENCRYPTION", "encryption"},
                               {"", "kmsKey"}});
    for (const ecr::RepositoryInfo& one : all) {
      out.row({one.name, one.uri, one.arn, Time{one.created}, one.mutability, one.exclusions,
               one.scan_on_push, one.encryption, one.kms_key});
    }
  });
}

void declare_ecr_describe(Arguments command) {
  auto words = std::make_shared<EcrWords>();
  words->declare_region(command);
  command.positional("NAME", words->place, "the repository");
  declare_common(command);
  command.run([words](Session& session) {
    const ecr::Place place = words->parse_repository(session);
    const ecr::RepositoryInfo found =
        ecr::Repositories(session.call(), session.ecr(), place.host).get(place.name);
    describe(session.output(), found, Labels::shown);
  });
}

void declare_ecr_apply(Arguments command) {
  struct Words : EcrWords {
    bool dry_run = false;
  };
  auto words = std::make_shared<Words>();
  words->declare_region(command);
  command.positional("FILE", words->place,
                     "YAML: registry, defaults, repositories; - is standard input");
  declare_dry_run(command, words->dry_run);
  command.footer(
      "Prints what it changes; a second run changes nothing.\n"
      "Example of a file:\n"
      "  registry: 123456789012.dkr.ecr.eu-west-1.amazonaws.com\n"
      "  defaults: {mutability: IMMUTABLE, scan_on_push: true}\n"
      "  repositories:\n"
      "    - name: team/app\n"
      "      lifecycle: keep-30.json\n"
      "    - {name: team/cache, mutability: MUTABLE}");
  declare_common(command);
  command.run([words](Session& session) {
    const Declaration declaration = parse_declaration(words->place);
    const auto host = parse_ecr_registry(declaration.registry, words->region, session.ecr());
    ecr::Repositories repositories(session.call(), session.ecr(), host);
    const auto change = words->dry_run ? ecr::Change::no : ecr::Change::yes;
    Output& out = session.output();
    for (const auto& [name, settings] : declaration.repositories) {
      const std::vector<std::string> changes = ecr::reconcile(repositories, name, settings, change);
      for (const std::string& line : changes) {
        out.line(fmt::format("{}: {}{}", name, words->dry_run ? "would change: " : "", line));
      }
      out.member(name, changes);
    }
  });
}

void declare_ecr_du(Arguments command) {
  auto words = std::make_shared<EcrWords>();
  words->declare_region(command);
  command.optional_positional("NAME", words->place, "one repository, or a registry's host");
  declare_common(command);
  command.run([words](Session& session) {
    std::vector<ecr::Place> places;
    const bool registry = words->place.empty() || ecr::parse_host(words->place);
    if (registry) {
      ecr::Place place;
      place.host = parse_ecr_registry(words->place, words->region, session.ecr());
      for (const ecr::RepositoryInfo& found :
           ecr::Repositories(session.call(), session.ecr(), place.host).list()) {
        place.name = found.name;
        places.push_back(place);
      }
    } else {
      places.push_back(words->parse_repository(session));
    }
    Output& out = session.output();
    out.table("repositories", {{"REPOSITORY", "name"},
                               {"IMAGES", "images"},
                               {"TAGS", "tags"},
                               {"SIZE", "size"},
                               {"EACH LAYER ONCE", "distinct"}});
    ecr::Usage sum;
    for (const ecr::Place& place : places) {
      const ecr::Usage usage = ecr::disk_usage(session.call(), session.ecr(), place);
      sum.images += usage.images;
      sum.billed += usage.billed;
      sum.distinct += usage.distinct;
      out.row(
          {usage.repository, usage.images, usage.tags, Size{usage.billed}, Size{usage.distinct}});
    }
    out.sum({fmt::format("{} in all", places.size()), sum.images, Cell(), Size{sum.billed},
             Size{sum.distinct}});
  });
}

}  // namespace davit::app
