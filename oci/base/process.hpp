#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "oci/base/call.hpp"

namespace davit::oci {

/// What ends a program before it ends itself.
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
/// limit, or at a stop, it is killed, and so are the programs that it started: it is the first of
/// a process group. Only where this process may ask at a terminal it stays in our group, so that it
/// may ask there as well; then it is killed alone, and Ctrl-C reaches all of them anyway.
///
/// Throws Error(not_found) if there is no such program, Error(failed) if it passes a limit or if
/// its exit status is lost because this process ignores SIGCHLD, Error(interrupted) at a stop. This
/// process ignores SIGPIPE, as curl wants, too: a program need not read its input.
ProcessResult run_process(const Call& call, const std::vector<std::string>& arguments,
                          const std::string& input, const ProcessLimits& limits = {});

}  // namespace davit::oci
