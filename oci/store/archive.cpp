#include "oci/store/archive.hpp"

#include "oci/store/archive_reader.hpp"
#include "oci/store/archive_writer.hpp"

namespace davit::oci {

std::unique_ptr<Store> open_archive(const Call& call, const std::filesystem::path& file,
                                    OpenMode mode, ArchiveFormat format,
                                    std::optional<std::uint64_t> volume_size) {
  return make_layout_store(mode == OpenMode::existing ? read_archive(call, file)
                                                      : write_archive(file, format, volume_size));
}

}  // namespace davit::oci
