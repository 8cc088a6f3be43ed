#pragma once

#include <string>

#include "oci/base/error.hpp"

namespace davit::app {

/// What a person can do about an error, in the words of the command line; empty where nobody
/// knows. A library's advice names no option and no command: the words for it are here.
std::string hint_of(const oci::Error& error);

}  // namespace davit::app
