#pragma once

#include <map>
#include <string>
#include <string_view>

namespace davit::oci {

/// Whether an extended attribute belongs to a file rather than to the host it lies on: SELinux
/// labels, overlayfs's own marks and NFS ACLs stay where they are; file capabilities travel.
bool travels(std::string_view xattr);

/// The extended attributes, of those that travel, of an open file or directory; none where the
/// file system has none. Errors name the attribute, not the file.
std::map<std::string, std::string> xattrs_of(int fd);

/// The same of a name in an open directory, which may be anything that cannot be opened; a
/// symbolic link is not followed. It goes by /proc, and where that is missing or closed to this
/// process there are none: what is not a file or directory can have only `trusted.*`, which root
/// alone sees, and `security.*`.
std::map<std::string, std::string> xattrs_at(int directory, const std::string& name);

/// Sets one of a name in an open directory, by the same way. Whether it could be; errno says why
/// not.
bool set_xattr_at(int directory, const std::string& name, const std::string& xattr,
                  const std::string& value);

}  // namespace davit::oci
