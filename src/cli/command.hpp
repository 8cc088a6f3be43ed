#pragma once

#include "src/cli/arguments.hpp"

namespace davit::app {

// Each declares one command, or one family of them, with its options and what it does.
void declare_build(Arguments& root);
void declare_push(Arguments& root);
void declare_copy(Arguments& root);
void declare_pull(Arguments& root);
void declare_unpack(Arguments& root);
void declare_look(Arguments& root);
void declare_bundle(Arguments& root);
void declare_tag(Arguments& root);
void declare_index(Arguments& root);
void declare_inspect(Arguments& root);
void declare_manifest(Arguments& root);
void declare_tags(Arguments& root);
void declare_delete(Arguments& root);
void declare_login(Arguments& root);
void declare_ecr(Arguments& root);
void declare_version(Arguments& root);

}  // namespace davit::app
