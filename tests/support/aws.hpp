#pragma once

#include <map>
#include <optional>
#include <string>

#include "tests/support/fake_transport.hpp"
#include "tests/support/temp_dir.hpp"
#include "transport/aws/config.hpp"
#include "transport/aws/keys.hpp"

namespace davit::tests {

/// A home directory and an environment for AWS's configuration.
class AwsHome {
 public:
  AwsHome() { set("HOME", dir_.path().native()); }

  void set(const std::string& name, const std::string& value) { variables_[name] = value; }
  std::string path(const std::string& name) const { return dir_ / name; }
  void write(const std::string& name, const std::string& text) const {
    write_file(dir_ / name, text);
  }
  void write_config(const std::string& text) const { write(".aws/config", text); }
  void write_credentials(const std::string& text) const { write(".aws/credentials", text); }

  transport::aws::Environment environment() const {
    return [variables = variables_](const char* name) -> std::optional<std::string> {
      const auto found = variables.find(name);
      if (found == variables.end() || found->second.empty()) return std::nullopt;
      return found->second;
    };
  }
  transport::aws::Config config(const std::string& profile = {}) const {
    return transport::aws::Config(environment(), profile);
  }

 private:
  TempDir dir_;
  std::map<std::string, std::string> variables_;
};

/// 2026-01-01T00:00:00Z
inline const auto new_year = std::chrono::system_clock::from_time_t(1767225600);

/// What an AWS service answers, with the time of `new_year` unless another is given.
inline transport::Response aws_answer(int status, const std::string& body,
                                      const std::string& date = "Thu, 01 Jan 2026 00:00:00 GMT") {
  return answer(status, body, {{"Date", date}});
}

}  // namespace davit::tests
