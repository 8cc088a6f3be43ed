#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "src/cli/output.hpp"
#include "src/cli/progress.hpp"
#include "src/cli/settings.hpp"
#include "src/ops/places.hpp"
#include "transport/ecr/access.hpp"

namespace davit::app {

/// One run of the program: what its commands share. It has begun when a command gets it.
class Session {
 public:
  Session(const Settings& settings, std::stop_token stop);
  ~Session();

  /// Only of commands that connect.
  Places& places() { return *places_; }
  transport::ecr::Access& ecr() { return *ecr_; }

  /// What commands pass on: the stop that a person asks for, and who shows the progress.
  oci::Call call() { return {stop_, display_.get()}; }
  /// The form that the result will have.
  Output::Form form() const { return output_.form(); }
  /// Where the result goes. Progress has come to its end.
  Output& output();

  /// Asks a registry whether it takes these credentials; Error(denied) if not.
  void check_login(const std::string& registry, const transport::Credentials& credentials);

  /// Tells a person something beside the result, unless it is to be quiet.
  void remark(std::string_view line);

  /// Prints a line for each place an image landed in; for a script what and where it is.
  void print(const std::vector<Landed>& landed);

 private:
  Settings settings_;
  const std::stop_token stop_;
  std::unique_ptr<Display> display_;
  Output output_;
  std::unique_ptr<transport::CredentialSource> stored_;
  std::unique_ptr<transport::ecr::Access> ecr_;
  std::unique_ptr<Places> places_;
};

}  // namespace davit::app
