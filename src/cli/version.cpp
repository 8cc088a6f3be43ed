#include <memory>

#include "src/cli/command.hpp"
#include "src/cli/terminal.hpp"

namespace davit::app {

void declare_version(Arguments& root) {
  Arguments command = root.command("version", "print the version");
  command.run([](Session&) { write_stdout("davit " DAVIT_VERSION "\n"); });
  // "help" is turned into --help before the words are parsed; here it is listed.
  Arguments help = root.command("help", "print what a command understands");
  help.run([](Session&) {});
}

}  // namespace davit::app
