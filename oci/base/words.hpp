#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace davit::oci {

/// Words as a shell splits them: blanks separate, quotes and backslashes keep together. Nothing is
/// expanded. Throws Error(usage) for a quote that is not closed.
std::vector<std::string> split_words(std::string_view text);

}  // namespace davit::oci
