#pragma once

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include "tests/support/environment.hpp"
#include "tests/support/temp_dir.hpp"

namespace davit::tests {

/// A directory in front of PATH for credential helpers that a test writes as shell scripts. Each
/// logs what it was asked as "ACTION INPUT" into the file `log`.
class HelperScripts {
 public:
  HelperScripts() : path_("PATH", directory_.path().native() + ":" + std::getenv("PATH")) {
    // As the program does: a helper that does not read its input is no error.
    std::signal(SIGPIPE, SIG_IGN);
  }

  /// `script` finds the action in $1 and its input in $input.
  void install(std::string_view name, std::string_view script) const {
    const std::filesystem::path path = directory_ / ("docker-credential-" + std::string(name));
    write_file(path, "#!/bin/sh\ninput=$(cat)\nprintf '%s %s\\n' \"$1\" \"$input\" >> '" +
                         log().native() + "'\n" + std::string(script) + "\n");
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  }

  std::filesystem::path log() const { return directory_ / "log"; }

 private:
  TempDir directory_;
  ScopedVariable path_;
};

}  // namespace davit::tests
