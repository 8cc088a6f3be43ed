#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <stdexcept>
#include <string>

#include "oci/base/error.hpp"

namespace davit::tests {

/// The Error that an action throws. Nothing, and a failed test, if it throws none.
template <class Action>
std::optional<oci::Error> error_of(Action&& action) {
  try {
    action();
  } catch (const oci::Error& error) {
    return error;
  }
  ADD_FAILURE() << "nothing was thrown";
  return std::nullopt;
}

/// The same where a test cannot go on without it: if nothing is thrown, that is an exception.
template <class Action>
oci::Error thrown_by(Action&& action) {
  try {
    action();
  } catch (const oci::Error& error) {
    return error;
  }
  throw std::logic_error("nothing failed");
}

/// Its kind alone.
template <class Action>
std::optional<oci::ErrorKind> kind_of(Action&& action) {
  const auto error = error_of(std::forward<Action>(action));
  return error ? std::optional(error->kind()) : std::nullopt;
}

}  // namespace davit::tests
