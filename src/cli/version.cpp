#include "src/cli/arguments.hpp"
#include "src/cli/terminal.hpp"

namespace davit::app {

void declare_version(Arguments command) {
  command.run([](Session&) { write_stdout("davit " DAVIT_VERSION "\n"); });
}

/// "help" is turned into --help before the words are parsed; here it is listed.
void declare_help(Arguments command) {
  command.run([](Session&) {});
}

}  // namespace davit::app
