#pragma once

#include <cstdint>
#include <string>

namespace davit::oci {

/// The header of a member of an archive: a regular file of nobody and no time, which anybody reads.
std::string member_header(const std::string& path, std::uint64_t size);

/// The header of a regular member of any size in exactly one block: a place for it can be kept
/// before the size is known. What does not fit ustar's 8 GiB is in GNU's base-256, which every
/// reader of tars in use knows. The path is at most 100 bytes.
std::string one_block_header(const std::string& path, std::uint64_t size);

}  // namespace davit::oci
