#include "src/cli/session.hpp"

#include <fmt/format.h>

#include "oci/base/bytes.hpp"
#include "oci/base/log.hpp"
#include "src/cli/terminal.hpp"
#include "transport/auth/docker_config.hpp"

namespace davit::app {

Session::Session(const Settings& settings, std::stop_token stop)
    : settings_(settings),
      stop_(std::move(stop)),
      output_(settings.json ? Output::Form::json : Output::Form::text, write_stdout) {
  const bool shows = !settings_.quiet && !settings_.rehearses;
  display_ = make_display(shows ? settings_.progress : ProgressStyle::none);
  oci::set_log([this](oci::LogLevel level, std::string_view text) {
    // A line may name things as a server or a file has named them.
    const std::string line = oci::printable(text);
    if (level == oci::LogLevel::notice) {
      display_->message(line);
    } else if (level == oci::LogLevel::warning) {
      if (!settings_.quiet) display_->message(fmt::format("warning: {}", line));
    } else if ((level == oci::LogLevel::info && settings_.verbose > 0) || settings_.verbose > 1) {
      display_->message(line);
    }
  });
  if (!settings_.connects) return;
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
  client.check_login(call(), registry);
}

void Session::remark(std::string_view line) {
  if (!settings_.quiet) display_->message(oci::printable(line));
}

Output& Session::output() {
  display_ = make_display(ProgressStyle::none);
  return output_;
}

void Session::print(const std::vector<Landed>& landed) {
  Output& out = output();
  for (const Landed& place : landed) out.line(place.str());
  out.member("digest", landed.at(0).root.digest.str());
  out.member("mediaType", landed.at(0).root.media_type);
  out.member("size", landed.at(0).root.size);
  oci::Json places = oci::Json::array();
  for (const Landed& place : landed) {
    places.push_back({{"reference", place.str()}, {"tags", place.tags}});
  }
  out.member("places", places);
}

}  // namespace davit::app
