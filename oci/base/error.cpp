#include "oci/base/error.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <system_error>

namespace davit::oci {

Error Error::during(std::string_view what) const {
  return Error(kind_, fmt::format("{}: {}", what, std::runtime_error::what()), hint_);
}

Error errno_error(std::string_view what) {
  const int code = errno;
  ErrorKind kind = ErrorKind::failed;
  if (code == ENOENT || code == ENOTDIR) kind = ErrorKind::not_found;
  if (code == EACCES || code == EPERM) kind = ErrorKind::denied;
  return Error(kind, fmt::format("{}: {}", what, std::generic_category().message(code)));
}

}  // namespace davit::oci
