#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "oci/model/platform.hpp"
#include "src/cli/arguments.hpp"
#include "src/cli/progress.hpp"
#include "src/ops/places.hpp"
#include "transport/ecr/access.hpp"

namespace davit::app {

/// What may be said to every command that speaks to registries.
struct CommonOptions {
  bool plain_http = false;
  bool insecure = false;
  std::vector<std::string> resolve;
  std::string ca_file;
  std::string cert_file;
  std::string key_file;
  std::size_t retries = 5;
  std::size_t timeout_seconds = 60;
  std::string profile;
  bool json = false;
  bool quiet = false;
  int verbose = 0;

  // Where images move:
  std::size_t jobs = 8;
  std::string progress = "auto";
  std::string chunk_size;
  bool dry_run = false;
  bool create = false;
  std::string ecr_settings;

  // Where there may be a choice:
  std::string platform;
  bool all_platforms = false;
};

/// Declares the options that every command has.
void declare_common(Arguments& arguments, CommonOptions& options);
/// Those where images move: jobs, progress, dry run, repositories that are made.
void declare_transfer(Arguments& arguments, CommonOptions& options);
/// Those where an index may hold several images.
void declare_platform(Arguments& arguments, CommonOptions& options);

/// One run of the program: what its commands share.
class Session {
 public:
  explicit Session(std::stop_token stop) : stop_(std::move(stop)) {}
  ~Session();

  /// Takes the options in; the first thing that an action does.
  void begin(const CommonOptions& options);

  const CommonOptions& options() const { return options_; }
  Places& places() { return *places_; }
  transport::ecr::Access& ecr() { return *ecr_; }
  oci::Progress* progress() { return display_.get(); }
  std::stop_token stop() const { return stop_; }
  std::optional<oci::Platform> platform() const;
  /// What a destination is opened for: a dry run changes nothing.
  Use destination_use() const { return options_.dry_run ? Use::rehearse : Use::write; }

  /// With --create: makes the repositories of these places that are in Amazon ECR and missing.
  void create_repositories(const std::vector<Place>& places);

  /// Asks a registry whether it takes these credentials; Error(denied) if not.
  void check_login(const std::string& registry, const transport::Credentials& credentials);

  /// What a script reads: a line for each place an image landed in, or one JSON object.
  void print(const std::vector<Landed>& landed);

 private:
  std::stop_token stop_;
  CommonOptions options_;
  std::unique_ptr<Display> display_;
  std::unique_ptr<transport::CredentialSource> stored_;
  std::unique_ptr<transport::ecr::Access> ecr_;
  std::unique_ptr<Places> places_;
};

}  // namespace davit::app
