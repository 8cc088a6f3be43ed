#include "oci/layer/tar_writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "oci/base/error.hpp"
#include "oci/layer/ustar.hpp"

namespace davit::oci {
namespace {

constexpr std::array<std::byte, 2 * tar_block_size> zeros{};

}  // namespace

void TarWriter::entry(const TarEntry& entry) {
  between_entries();
  header_.clear();
  append_tar_header(entry, header_);
  to_.write(bytes_of(header_));
  if (entry.type == EntryType::file) {
    path_ = entry.path;
    missing_ = entry.size;
    padding_ = tar_padding(entry.size);
  }
}

void TarWriter::write(Bytes bytes) {
  if (bytes.size() > missing_) {
    throw Error(ErrorKind::failed,
                fmt::format("{}: has more data than its header says", printable(path_)));
  }
  if (bytes.empty()) return;
  to_.write(bytes);
  missing_ -= bytes.size();
  pad();
}

std::span<std::byte> TarWriter::space() {
  if (missing_ == 0) return {};
  const std::span<std::byte> room = to_.space();
  return room.first(std::min<std::uint64_t>(room.size(), missing_));
}

void TarWriter::advance(std::size_t filled) {
  to_.advance(filled);
  missing_ -= filled;
  pad();
}

void TarWriter::append(Bytes entries) {
  between_entries();
  to_.write(entries);
}

void TarWriter::finish() {
  between_entries();
  to_.write(zeros);
}

void TarWriter::between_entries() const {
  if (missing_ == 0) return;
  throw Error(ErrorKind::failed,
              fmt::format("{}: {} bytes of its data are missing", printable(path_), missing_));
}

void TarWriter::pad() {
  if (missing_ > 0) return;
  to_.write(Bytes(zeros).first(padding_));
  padding_ = 0;
}

}  // namespace davit::oci
