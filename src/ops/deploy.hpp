#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace davit::app {

// The files by which the systems that run images learn which one to run. Each takes the file as it
// is (empty: there is none yet) and gives it with the image in its place: whatever else a person
// keeps in it stays. Error(corrupt) naming `what` for a file that is something else.

/// imagedefinitions.json of ECS and CodePipeline: which container runs which image.
std::string ecs_definitions(std::string_view before, std::string_view what,
                            const std::string& container, const std::string& image);

/// Dockerrun.aws.json of Elastic Beanstalk, version 1. A port of 0 leaves the ports as they are.
std::string beanstalk_run(std::string_view before, std::string_view what, const std::string& image,
                          std::size_t port);

/// A file of Terraform's variables.
std::string terraform_variables(std::string_view before, std::string_view what,
                                const std::string& variable, const std::string& image);

}  // namespace davit::app
