#include "oci/base/process.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <future>

#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"
#include "oci/base/file.hpp"
#include "oci/base/ready.hpp"
#include "tests/support/temp_dir.hpp"

namespace davit::oci {
namespace {

using namespace std::chrono_literals;

class Process : public testing::Test {
 protected:
  // As the program does.
  void SetUp() override { ::signal(SIGPIPE, SIG_IGN); }

  static ProcessResult shell(const std::string& script, const std::string& input = "",
                             const ProcessLimits& limits = {}) {
    return run_process({}, {"sh", "-c", script}, input, limits);
  }

  static Error failure(const std::vector<std::string>& arguments, const ProcessLimits& limits,
                       const Call& call = {}) {
    try {
      run_process(call, arguments, "", limits);
    } catch (const Error& error) {
      return error;
    }
    throw std::logic_error("the program did not fail");
  }
};

TEST_F(Process, GivesBackOutputErrorsAndStatus) {
  const ProcessResult result = shell("echo out; echo err >&2; exit 7");
  EXPECT_EQ(result.output, "out\n");
  EXPECT_EQ(result.errors, "err\n");
  EXPECT_EQ(result.status, 7);
}

TEST_F(Process, FeedsInputLargerThanAPipe) {
  const std::string input(500'000, 'x');
  EXPECT_EQ(shell("cat", input).output, input);
}

TEST_F(Process, EndsInputSoThatTheProgramSeesItsEnd) {
  EXPECT_EQ(shell("cat; echo done", "").output, "done\n");
  EXPECT_EQ(shell("cat; echo done", "in ").output, "in done\n");
}

TEST_F(Process, AllowsAProgramThatDoesNotReadItsInput) {
  EXPECT_EQ(shell("exit 3", std::string(500'000, 'x')).status, 3);
}

TEST_F(Process, PassesArgumentsWithoutAShell) {
  EXPECT_EQ(run_process({}, {"printf", "%s|", "a b", "$HOME", "*", ""}, "").output,
            "a b|$HOME|*||");
}

TEST_F(Process, TellsASignalFromAnExit) { EXPECT_EQ(shell("kill -9 $$").status, 128 + SIGKILL); }

TEST_F(Process, StartsTheProgramWithDefaultSigpipe) {
  EXPECT_EQ(shell("kill -PIPE $$; exit 0").status, 128 + SIGPIPE);
}

TEST_F(Process, SaysNotFoundForAProgramThatIsNotThere) {
  const Error error = failure({"davit-no-such-program"}, {});
  EXPECT_EQ(error.kind(), ErrorKind::not_found);
  EXPECT_THAT(error.what(), testing::HasSubstr("davit-no-such-program"));
}

TEST_F(Process, SaysDeniedForAFileThatIsNotExecutable) {
  const tests::TempDir dir;
  tests::write_file(dir / "helper", "#!/bin/sh\n");
  EXPECT_EQ(failure({(dir / "helper").native()}, {}).kind(), ErrorKind::denied);
}

TEST_F(Process, MakesTheProgramsNameSafeInMessages) {
  EXPECT_THAT(failure({"no\x1b[31m"}, {}).what(), testing::HasSubstr("no\\x1b[31m"));
}

TEST_F(Process, KillsAProgramThatTakesTooLong) {
  const Error error = failure({"sleep", "1000"}, {.time = 20ms});
  EXPECT_EQ(error.kind(), ErrorKind::failed);
  EXPECT_STREQ(error.what(), "sleep took longer than 20 ms");
}

TEST_F(Process, KillsAProgramThatTakesTooLongAfterItsOutputEnded) {
  const Error error = failure({"sh", "-c", "exec sleep 1000 >&- 2>&-"}, {.time = 100ms});
  EXPECT_STREQ(error.what(), "sh took longer than 100 ms");
}

TEST_F(Process, WaitsForAProgramThatEndsAfterItsOutput) {
  EXPECT_EQ(shell("exec >&- 2>&-; sleep 0.02; exit 5").status, 5);
}

TEST_F(Process, KillsAProgramThatPrintsTooMuch) {
  const Error error = failure({"yes"}, {.output_bytes = 10'000});
  EXPECT_STREQ(error.what(), "yes printed more than 10000 bytes");
  EXPECT_STREQ(failure({"sh", "-c", "yes >&2"}, {.output_bytes = 100}).what(),
               "sh printed more than 100 bytes");
}

TEST_F(Process, AllowsOutputOfExactlyItsLimit) {
  EXPECT_EQ(shell("printf 12345", "", {.output_bytes = 5}).output, "12345");
}

TEST_F(Process, KillsWhatTheProgramStarted) {
  const tests::TempDir dir;
  const std::string fifo = dir / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  const Fd reader = open_file(fifo, O_RDONLY | O_NONBLOCK);
  // In a session of its own, so that no terminal keeps the program in the group of the test.
  const pid_t child = ::fork();
  if (child == 0) {
    ::setsid();
    const Error error =
        failure({"sh", "-c", "exec 3> " + fifo + "; sleep 1000 & echo; wait"}, {.output_bytes = 0});
    ::_exit(error.kind() == ErrorKind::failed ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  // The end of the fifo says that nobody has it open for writing any more.
  pollfd watched{reader.get(), POLLIN, 0};
  EXPECT_TRUE(wait_ready(std::span(&watched, 1), {}, std::chrono::steady_clock::now() + 10s));
  std::array<std::byte, 1> none;
  EXPECT_EQ(read_some(reader.get(), none, "fifo"), 0U);
}

TEST_F(Process, KillsAProgramAtAStop) {
  for (const char* script : {"sleep 1000", "exec >&- 2>&-; sleep 1000"}) {
    std::stop_source stop;
    auto kind = std::async(std::launch::async, [&] {
      return failure({"sh", "-c", script}, {.time = 1h}, {.stop = stop.get_token()}).kind();
    });
    stop.request_stop();
    EXPECT_EQ(kind.get(), ErrorKind::interrupted);
  }
}

TEST_F(Process, DoesNotTakeALostStatusForSuccess) {
  ::signal(SIGCHLD, SIG_IGN);
  const Error error = failure({"sh", "-c", "exit 1"}, {});
  ::signal(SIGCHLD, SIG_DFL);
  EXPECT_THAT(error.what(), testing::HasSubstr("exit status is lost"));
}

TEST_F(Process, DoesNotShareTheFilesOfTheCaller) {
  const Fd file = open_file("/dev/null", O_RDONLY);
  EXPECT_EQ(shell("test -e /proc/self/fd/" + std::to_string(file.get())).status, 1);
}

}  // namespace
}  // namespace davit::oci
