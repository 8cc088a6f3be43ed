#include <zlib.h>

#include "oci/layer/deflate.hpp"

// Built where ISA-L is absent, in place of deflate_isal.cpp.
namespace davit::oci {

std::unique_ptr<BlockDeflater> make_fast_deflater() { return make_zlib_deflater(1); }

std::unique_ptr<MemberInflater> make_fast_inflater() { return make_zlib_inflater(); }

std::uint32_t crc32_of(Bytes bytes) {
  return static_cast<std::uint32_t>(crc32_z(0, raw(bytes), bytes.size()));
}

}  // namespace davit::oci
