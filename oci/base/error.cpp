#include "oci/base/error.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <system_error>

namespace davit::oci {

Error Error::during(std::string_view what) const {
  return saying(fmt::format("{}: {}", what, std::runtime_error::what()));
}

Error Error::saying(const std::string& message) const {
  return Error(kind_, message, advice_, hint_);
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
