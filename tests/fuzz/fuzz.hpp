#pragma once

#include <string_view>

namespace davit::tests {

/// What a fuzzer defines: feeds one input, whatever it is, to the code under test. An oci::Error is
/// a good answer to a bad input; any other exception, a failed `require` and what a sanitizer finds
/// are faults.
///
/// To add one: a file fuzz_NAME.cpp that defines this function, a line in meson.build, and seeds,
/// one a file, in testdata/fuzz/NAME. Its unit test feeds it the seeds, and each of them cut short
/// and with single bytes changed. `meson setup -Dfuzz=true` with clang makes the libFuzzer program.
void fuzz(std::string_view input);

/// Ends the program, which libFuzzer and the unit test report, if something promised is not so.
void require(bool promise);

}  // namespace davit::tests
