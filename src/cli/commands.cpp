#include "src/cli/commands.hpp"

#include <string>

namespace davit::app {

// A command is a row of the table below and a function, which stands in a file of its own.
using Declare = void(Arguments);
Declare declare_build, declare_push, declare_copy, declare_pull, declare_unpack, declare_export,
    declare_files, declare_cat, declare_diff, declare_bundle, declare_index, declare_tag,
    declare_inspect, declare_manifest, declare_config, declare_digest, declare_tags,
    declare_catalog, declare_delete, declare_login, declare_logout, declare_ecr, declare_version,
    declare_help;

namespace {

constexpr Command all_commands[] = {
    {"build", "", "build an image from directories and tarballs, and push it", declare_build},
    {"push", "", "copy an image from a local place to registries", declare_push},
    {"copy", "cp", "copy an image from any place to any places, digest unchanged", declare_copy},
    {"pull", "", "copy an image from a registry to a local place", declare_pull},
    {"unpack", "", "write an image's files into a directory", declare_unpack},
    {"export", "", "write an image's files, flattened, as one tar", declare_export},
    {"files", "", "list the files of an image", declare_files},
    {"cat", "", "print a file of an image", declare_cat},
    {"diff", "", "say how two images differ", declare_diff},
    {"bundle", "", "carry many images across an air gap in one file", declare_bundle},
    {"index", "", "join images of several platforms under one tag", declare_index},
    {"tag", "", "add tags to an image where it is, without moving its layers", declare_tag},
    {"inspect", "", "show an image's platform, configuration and layers", declare_inspect},
    {"manifest", "", "print the manifest or index, byte for byte", declare_manifest},
    {"config", "", "print the image's configuration, byte for byte", declare_config},
    {"digest", "", "print the digest", declare_digest},
    {"tags", "ls", "list the tags of a repository, layout or archive", declare_tags},
    {"catalog", "", "list the repositories of a registry", declare_catalog},
    {"delete", "rm", "delete a tag, or an image by its digest", declare_delete},
    {"login", "", "keep credentials for a registry", declare_login},
    {"logout", "", "forget the credentials for a registry", declare_logout},
    {"ecr", "", "work with Amazon ECR: repositories, images, policies, scans", declare_ecr},
    {"version", "", "print the version", declare_version},
    {"help", "", "print what a command understands", declare_help},
};

}  // namespace

void declare_each(Arguments& above, std::span<const Command> commands) {
  for (const Command& one : commands) {
    one.declare(
        above.command(std::string(one.name), std::string(one.help), std::string(one.alias)));
  }
}

void declare_commands(Arguments& root) { declare_each(root, all_commands); }

}  // namespace davit::app
