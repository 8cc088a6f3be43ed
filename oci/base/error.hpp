#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace davit::oci {

/// What kind of trouble it is: what a caller, and a script through the exit status, can act on.
enum class ErrorKind {
  failed,       ///< nothing more specific
  usage,        ///< the words of the request make no sense
  not_found,    ///< an image, tag, repository, file or directory is not there
  denied,       ///< not authenticated, or not allowed
  unavailable,  ///< the other side is down, slow or limiting; trying later can help
  corrupt,      ///< content does not match its digest, or is not valid
  refused,      ///< a rule forbids it: an immutable tag, a gate
  interrupted,  ///< the caller asked to stop
};

/// The one exception of this project. The message names the object at fault; operations put what
/// they were doing in front of it (`during`). A hint, if any, says what a person can do about it.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message, std::string hint = {})
      : std::runtime_error(message), kind_(kind), hint_(std::move(hint)) {}

  ErrorKind kind() const { return kind_; }
  const std::string& hint() const { return hint_; }

  /// The same error with "what: " in front of its message.
  Error during(std::string_view what) const;

 private:
  ErrorKind kind_;
  std::string hint_;
};

/// The error for the current errno about `what` (usually a path): ENOENT and ENOTDIR are
/// not_found, EACCES and EPERM denied, all others failed.
Error errno_error(std::string_view what);

/// Runs `action`; an Error that leaves it says what was being done.
template <class Action>
decltype(auto) doing(std::string_view what, Action&& action) {
  try {
    return std::forward<Action>(action)();
  } catch (const Error& error) {
    throw error.during(what);
  }
}

}  // namespace davit::oci
