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

/// What a person can do about an error by means of the program at hand. A library knows that there
/// is a way; only the program knows the words for it.
enum class Advice {
  none,
  log_in,             ///< at the registry that `hint` names
  speak_plain_http,   ///< the server does not seem to speak TLS
  trust_authority,    ///< the certificate is signed by someone unknown
  create_repository,  ///< `hint` names it
  delete_by_digest,   ///< the registry does not delete tags
  allow_more,         ///< more bytes than the caller allowed
  name_layout,        ///< a directory stands where an archive was expected
  name_archive,       ///< a file stands where a layout was expected
  name_tree,          ///< a directory stands where a tarball was expected
  name_tarball,       ///< a file stands where a directory was expected
  choose_oci_format,  ///< Docker's documents cannot say it
  choose_platform,    ///< of an index, one image is wanted
  expect_delta,       ///< an archive may lack what its receiver has
  choose_aws_region,  ///< none is configured
  start_scan,         ///< the image was never scanned
  wait_longer,        ///< for a scan that goes on
};

/// The one exception of this project. The message names the object at fault; operations put what
/// they were doing in front of it (`during`). What a person can do about it is said by a hint, a
/// sentence that is true of any program, or by an advice, which the program puts into words.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message, std::string hint = {});
  Error(ErrorKind kind, const std::string& message, Advice advice, std::string about = {});
  Error(const Error& other);
  Error& operator=(const Error& other);
  ~Error() override;

  ErrorKind kind() const { return kind_; }
  Advice advice() const { return advice_; }
  /// The sentence; beside an advice, what that is about.
  const std::string& hint() const { return hint_; }
  bool has_hint() const { return advice_ != Advice::none || !hint_.empty(); }

  /// The same error with "what: " in front of its message.
  Error during(std::string_view what) const;
  /// The same error with another message, or of another kind.
  Error saying(const std::string& message) const;
  Error as(ErrorKind kind) const;
  /// The same error after all tries that were allowed were made; their number is in its message
  /// where there were several. Nobody tries once more what was given up.
  Error after_tries(int tries) const;
  bool given_up() const { return given_up_; }

 private:
  ErrorKind kind_;
  Advice advice_;
  std::string hint_;
  bool given_up_ = false;
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
