#include "oci/base/error.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <system_error>

namespace davit::oci {

Error::Error(ErrorKind kind, const std::string& message, std::string hint)
    : Error(kind, message, Advice::none, std::move(hint)) {}
Error::Error(ErrorKind kind, const std::string& message, Advice advice, std::string about)
    : std::runtime_error(message), kind_(kind), advice_(advice), hint_(std::move(about)) {}
Error::Error(const Error& other) = default;
Error& Error::operator=(const Error& other) = default;
Error::~Error() = default;

Error Error::during(std::string_view what) const {
  return saying(fmt::format("{}: {}", what, std::runtime_error::what()));
}

Error Error::after_tries(int tries) const {
  Error error = tries > 1 ? saying(fmt::format("{} ({} tries)", what(), tries)) : *this;
  error.given_up_ = true;
  return error;
}

Error Error::saying(const std::string& message) const {
  Error error(kind_, message, advice_, hint_);
  error.given_up_ = given_up_;
  return error;
}

Error Error::as(ErrorKind kind) const { return Error(kind, what(), advice_, hint_); }

Error errno_error(std::string_view what) {
  const int code = errno;
  ErrorKind kind = ErrorKind::failed;
  if (code == ENOENT || code == ENOTDIR) kind = ErrorKind::not_found;
  if (code == EACCES || code == EPERM) kind = ErrorKind::denied;
  return Error(kind, fmt::format("{}: {}", what, std::generic_category().message(code)));
}

}  // namespace davit::oci
