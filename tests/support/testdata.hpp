#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace davit::tests {

/// The folder testdata/ of the source tree.
std::filesystem::path testdata_path();

/// A file of testdata/, whole.
std::string testdata(std::string_view name);

}  // namespace davit::tests
