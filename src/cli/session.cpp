#include "src/cli/session.hpp"

#include <fmt/format.h>

#include "oci/base/log.hpp"
#include "src/cli/json_text.hpp"
#include "src/cli/terminal.hpp"
#include "transport/auth/docker_config.hpp"

namespace davit::app {

Session::Session(const Settings& settings, std::stop_token stop)
    : settings_(settings), stop_(std::move(stop)) {
  const bool shows = !settings_.quiet && !settings_.rehearses;
  display_ = make_display(shows ? settings_.progress : ProgressStyle::none);
  oci::set_log([this](oci::LogLevel level, std::string_view line) {
    if (level == oci::LogLevel::notice) {
      display_->message(line);
    } else if (level == oci::LogLevel::warning) {
      if (!settings_.quiet) display_->message(fmt::format("warning: {}", line));
    } else if ((level == oci::LogLevel::info && settings_.verbose > 0) || settings_.verbose > 1) {
      display_->message(line);
    }
  });
  if (!settings_.connects) return;
  settings_.client.curl.stop = stop_;
  settings_.client.retry.stop = stop_;
  transport::ecr::AccessOptions ecr;
  ecr.profile = settings_.aws_profile;
  ecr.curl = settings_.client.curl;
  ecr.retry = settings_.client.retry;
  stored_ = std::make_unique<transport::DockerConfig>();
  ecr_ = std::make_unique<transport::ecr::Access>(std::move(ecr));
  places_ = std::make_unique<Places>(
      settings_.client, std::make_unique<transport::ecr::LoginSource>(*stored_, *ecr_), ecr_.get());
}

Session::~Session() { oci::set_log({}); }

void Session::check_login(const std::string& registry, const transport::Credentials& credentials) {
  transport::Client client(settings_.client,
                           std::make_unique<transport::FixedCredentials>(registry, credentials));
  client.check_login(registry);
}

void Session::remark(std::string_view line) {
  if (!settings_.quiet) display_->message(line);
}

void Session::print(const std::vector<Landed>& landed) {
  display_ = make_display(ProgressStyle::none);
  if (!settings_.json) {
    for (const Landed& place : landed) write_stdout(place.str() + "\n");
    return;
  }
  nlohmann::ordered_json json;
  json["digest"] = landed.at(0).root.digest.str();
  json["mediaType"] = landed.at(0).root.media_type;
  json["size"] = landed.at(0).root.size;
  json["places"] = nlohmann::ordered_json::array();
  for (const Landed& place : landed) {
    json["places"].push_back({{"reference", place.str()}, {"tags", place.tags}});
  }
  write_stdout(json_text(json));
}

}  // namespace davit::app
