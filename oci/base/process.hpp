#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace davit::oci {

struct ProcessLimits {
  std::uint64_t output_bytes = 1024 * 1024;
  std::chrono::milliseconds time{10'000};
};

struct ProcessResult {
  int status = 0;  ///< exit status; 128 + the signal's number if one ended it
  std::string output;
  std::string errors;
};

/// Runs a program without a shell, found on PATH, with `input` on its standard input. Beyond a
/// limit it is killed. Throws Error(not_found) if there is no such program, Error(failed) if it
/// passes a limit. The caller's process ignores SIGPIPE, as curl wants, too: a program need not
/// read its input.
ProcessResult run_process(const std::vector<std::string>& arguments, const std::string& input,
                          const ProcessLimits& limits = {});

}  // namespace davit::oci
