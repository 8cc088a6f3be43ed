#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/aws.hpp"
#include "transport/ecr/access.hpp"
#include "transport/ecr/place.hpp"

namespace davit::tests {

/// Amazon's API without a network: each operation answers what the test says, and what was asked is
/// kept. An operation that the test does not name fails with "UnknownOperationException".
class FakeEcr {
 public:
  using Operation = std::function<transport::Response(const std::string& input)>;

  FakeEcr() {
    home.set("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE");
    home.set("AWS_SECRET_ACCESS_KEY", "secret");
    place.host = {.account = "123456789012", .region = "eu-west-1"};
    place.name = "app";
  }

  void on(const std::string& name, Operation operation) {
    operations_[name] = std::move(operation);
  }
  /// Always the same document.
  void on(const std::string& name, const std::string& answer) {
    on(name, [answer](const std::string&) { return aws_answer(200, answer); });
  }
  /// One document after the other; the last again and again.
  void on(const std::string& name, std::vector<std::string> answers) {
    on(name, [answers, next = std::size_t{0}](const std::string&) mutable {
      const std::string& answer = answers.at(std::min(next, answers.size() - 1));
      ++next;
      return aws_answer(200, answer);
    });
  }
  /// The error of that name.
  void fail(const std::string& name, const std::string& error) {
    on(name, [error](const std::string&) { return refusal(error); });
  }
  static transport::Response refusal(const std::string& error) {
    return aws_answer(400, R"({"__type":")" + error + R"(","message":"no"})");
  }

  /// Operations in the order in which they were called.
  std::vector<std::string> calls() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> names;
    for (const auto& [name, input] : calls_) names.push_back(name);
    return names;
  }
  /// What an operation was given, call by call.
  std::vector<std::string> inputs(std::string_view operation) const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> all;
    for (const auto& [name, input] : calls_) {
      if (name == operation) all.push_back(input);
    }
    return all;
  }

  transport::ecr::Access& access() {
    if (!access_) {
      transport::ecr::AccessOptions options;
      options.environment = home.environment();
      options.now = [this] { return now; };
      options.retry.retries = retries;
      options.retry.sleep = [](std::chrono::milliseconds) {};
      options.connect = [this](const transport::CurlOptions&) {
        return std::make_unique<FakeTransport>(
            [this](const SentRequest& sent) { return answer(sent); });
      };
      access_ = std::make_unique<transport::ecr::Access>(std::move(options));
    }
    return *access_;
  }
  /// As another process would have it, with the same files.
  void restart() { access_.reset(); }

  AwsHome home;
  transport::ecr::Place place;
  std::chrono::system_clock::time_point now = new_year;
  int retries = 2;

 private:
  transport::Response answer(const SentRequest& sent) {
    const std::string target = sent.headers.get("X-Amz-Target").value_or("");
    const std::string name = target.substr(target.find('.') + 1);
    {
      const std::lock_guard lock(mutex_);
      calls_.emplace_back(name, sent.body);
    }
    const auto found = operations_.find(name);
    return found == operations_.end() ? refusal("UnknownOperationException")
                                      : found->second(sent.body);
  }

  std::map<std::string, Operation> operations_;
  mutable std::mutex mutex_;
  std::vector<std::pair<std::string, std::string>> calls_;
  std::unique_ptr<transport::ecr::Access> access_;
};

}  // namespace davit::tests
