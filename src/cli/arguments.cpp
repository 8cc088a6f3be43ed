#include "src/cli/arguments.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <charconv>

#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"

namespace davit::app {

struct Arguments::Node {
  CLI::App* app = nullptr;
  std::shared_ptr<Parsed> parsed;
  std::string heading = "Options";
  std::vector<std::function<void(Settings&)>> groups = {};

  CLI::Option* placed(CLI::Option* option) const { return option->group(heading); }
};

namespace {

/// The library itself would take "-1" for a very large number.
CLI::Validator whole_number(Range range) {
  const auto check = [range](const std::string& text) {
    std::size_t number = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool whole = code == std::errc{} && end == text.data() + text.size();
    if (whole && number >= range.least && number <= range.greatest) return std::string();
    return fmt::format("'{}' is not a number from {} to {}", text, range.least, range.greatest);
  };
  return {check, "", "whole number"};
}

}  // namespace

void Arguments::flag(const std::string& names, bool& into, const std::string& help) {
  node_->placed(node_->app->add_flag(names, into, help));
}

void Arguments::count(const std::string& names, int& into, const std::string& help) {
  node_->placed(node_->app->add_flag(names, into, help));
}

void Arguments::option(const std::string& names, const std::string& value, std::string& into,
                       const std::string& help) {
  node_->placed(node_->app->add_option(names, into, help))->type_name(value);
}

void Arguments::option(const std::string& names, const std::string& value,
                       std::optional<std::string>& into, const std::string& help) {
  node_->placed(node_->app->add_option(names, into, help))->type_name(value);
}

void Arguments::number(const std::string& names, const std::string& value, Range range,
                       std::size_t& into, const std::string& help) {
  node_->placed(node_->app->add_option(names, into, help))
      ->type_name(value)
      ->check(whole_number(range))
      ->capture_default_str();
}

void Arguments::list(const std::string& names, const std::string& value,
                     std::vector<std::string>& into, const std::string& help) {
  node_->placed(node_->app->add_option(names, into, help))
      ->type_name(value)
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false);
}

void Arguments::each(const std::string& names, const std::string& value,
                     std::function<void(const std::string&)> take, const std::string& help) {
  node_->placed(node_->app->add_option_function<std::string>(names, std::move(take), help))
      ->type_name(value)
      ->trigger_on_parse();
}

void Arguments::positional(const std::string& name, std::string& into, const std::string& help) {
  node_->app->add_option(name, into, help)->type_name("")->required()->group("Arguments");
}

void Arguments::optional_positional(const std::string& name, std::string& into,
                                    const std::string& help) {
  node_->app->add_option(name, into, help)->type_name("")->group("Arguments");
}

void Arguments::positionals(const std::string& name, std::vector<std::string>& into,
                            std::size_t least, const std::string& help) {
  node_->app->add_option(name, into, help)
      ->type_name("")
      ->required(least > 0)
      ->expected(static_cast<int>(std::max<std::size_t>(least, 1)),
                 CLI::detail::expected_max_vector_size)
      ->group("Arguments");
}

void Arguments::heading(const std::string& title) { node_->heading = title; }

Arguments Arguments::command(const std::string& name, const std::string& help,
                             const std::string& alias) {
  CLI::App* app = node_->app->add_subcommand(name, help);
  if (!alias.empty()) app->alias(alias);
  app->group("Commands");
  app->set_help_flag("-h,--help", "print this text")->group("");
  return Arguments(std::make_shared<Node>(Node{app, node_->parsed}));
}

void Arguments::footer(const std::string& text) { node_->app->footer("\n" + text); }

void Arguments::settle(std::function<void(Settings&)> take) {
  node_->groups.push_back(std::move(take));
}

void Arguments::run(std::function<void(Session&)> action) {
  node_->app->final_callback([node = node_, action = std::move(action)] {
    for (const auto& take : node->groups) take(node->parsed->settings);
    node->parsed->action = action;
  });
}

namespace {

/// The deepest command that the words name: its help says what they should have been.
std::string command_path(const CLI::App& root, const std::vector<std::string>& words) {
  const CLI::App* app = &root;
  std::string path = root.get_name();
  for (const std::string& word : words) {
    const auto below =
        app->get_subcommands([&](const CLI::App* one) { return one->check_name(word); });
    if (below.empty()) break;
    app = below.front();
    path += " " + app->get_name();
  }
  return path;
}

/// "davit help build" is "davit build --help".
std::vector<std::string> help_as_option(std::vector<std::string> words) {
  if (!words.empty() && words[0] == "help") {
    words.erase(words.begin());
    words.emplace_back("--help");
  }
  return words;
}

}  // namespace

Parsed parse_arguments(const std::vector<std::string>& words,
                       const std::function<void(Arguments&)>& declare) {
  CLI::App root(
      "A client for OCI registries: builds, pushes, pulls, copies, unpacks and inspects images.",
      "davit");
  root.set_help_flag("-h,--help", "print this text");
  root.set_version_flag("--version", "davit " DAVIT_VERSION)->description("print the version");
  root.require_subcommand(0, 1);
  root.get_formatter()->column_width(34);
  root.get_formatter()->label("REQUIRED", "");
  auto parsed = std::make_shared<Parsed>();
  Arguments arguments(std::make_shared<Arguments::Node>(Arguments::Node{&root, parsed}));
  declare(arguments);

  std::vector<std::string> given = help_as_option(words);
  std::vector<std::string> reversed(given.rbegin(), given.rend());
  try {
    root.parse(reversed);
  } catch (const CLI::CallForAllHelp&) {
    parsed->text = root.help("", CLI::AppFormatMode::All);
  } catch (const CLI::CallForHelp&) {
    parsed->text = root.help();
  } catch (const CLI::CallForVersion& version) {
    parsed->text = std::string(version.what()) + "\n";
  } catch (const CLI::ParseError& error) {
    throw oci::Error(oci::ErrorKind::usage, oci::printable(error.what()),
                     fmt::format("{} --help", command_path(root, given)));
  }
  if (parsed->text.empty() && !parsed->action) {
    // The words name a family of commands and none of its commands.
    const CLI::App* deepest = &root;
    while (!deepest->get_subcommands().empty()) deepest = deepest->get_subcommands().front();
    if (words.empty()) {
      parsed->text = root.help();
    } else {
      throw oci::Error(oci::ErrorKind::usage,
                       fmt::format("{} wants a command", deepest->get_name()),
                       fmt::format("{} --help", command_path(root, given)));
    }
  }
  return std::move(*parsed);
}

}  // namespace davit::app
