#include "src/cli/ecr_command.hpp"

namespace davit::app {

void declare_ecr(Arguments ecr) {
  declare_ecr_login(ecr);
  declare_ecr_repositories(ecr);
  declare_ecr_images(ecr);
  declare_ecr_policies(ecr);
  declare_ecr_scan(ecr);
  declare_ecr_deploy(ecr);
}

}  // namespace davit::app
