#include "src/cli/commands.hpp"

namespace davit::app {

// As in commands.cpp: a row of the table, and a function in a file of its own.
using Declare = void(Arguments);
Declare declare_ecr_login, declare_ecr_create, declare_ecr_repos, declare_ecr_describe,
    declare_ecr_apply, declare_ecr_du, declare_ecr_images, declare_ecr_tags, declare_ecr_delete,
    declare_ecr_clean, declare_ecr_lifecycle, declare_ecr_policy, declare_ecr_scan,
    declare_ecr_deploy;

namespace {

constexpr Command ecr_commands[] = {
    {"get-login-password", "", "print a registry's password, for docker login and the like",
     declare_ecr_login},
    {"create", "", "make a repository", declare_ecr_create},
    {"repos", "", "list the repositories", declare_ecr_repos},
    {"describe", "", "say what a repository is like", declare_ecr_describe},
    {"apply", "", "bring repositories to the state that a file declares", declare_ecr_apply},
    {"du", "", "say what repositories take, shared layers once", declare_ecr_du},
    {"images", "", "list the images of a repository", declare_ecr_images},
    {"tags", "", "list the tags of a repository", declare_ecr_tags},
    {"delete", "", "delete a tag, an image or a repository", declare_ecr_delete},
    {"clean", "", "delete images that nothing needs (a dry run)", declare_ecr_clean},
    {"lifecycle", "", "read, try, set or delete the lifecycle policy of a repository",
     declare_ecr_lifecycle},
    {"policy", "", "read or set the repository policy: who may do what", declare_ecr_policy},
    {"scan", "", "scan for vulnerabilities, and stop where there are any", declare_ecr_scan},
    {"deploy-files", "", "write what the next system reads, by digest", declare_ecr_deploy},
};

}  // namespace

void declare_ecr(Arguments family) { declare_each(family, ecr_commands); }

}  // namespace davit::app
