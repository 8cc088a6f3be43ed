#include "oci/layer/tree_batch.hpp"

#include <optional>
#include <span>
#include <utility>

#include "oci/layer/tar_header.hpp"
#include "oci/layer/ustar.hpp"

namespace davit::oci {
namespace {

/// Larger files are read straight into the blocks of the layer.
constexpr off_t small_file = 64 * 1024;
/// What a batch holds at most, but for its last entry's header.
constexpr std::size_t batch_bytes = 512 * 1024;

}  // namespace

bool TreeBatch::fill(TreeWalk& walk) {
  items_.clear();
  rest_.clear();
  bytes_.clear();
  failure_ = nullptr;
  try {
    while (items_.size() < item_limit) {
      std::optional<TreeItem> item = walk.next();
      if (!item) return false;
      items_.push_back(std::move(*item));
    }
    return true;
  } catch (...) {
    failure_ = std::current_exception();
    return false;
  }
}

void TreeBatch::read(const TreeReader& reader) {
  try {
    for (std::size_t i = 0; i < items_.size(); ++i) {
      if (!make(reader, items_[i])) rest_.push_back({bytes_.size(), i});
    }
  } catch (...) {
    failure_ = std::current_exception();
  }
}

bool TreeBatch::make(const TreeReader& reader, const TreeItem& item) {
  if (bytes_.size() >= batch_bytes) return false;
  const TreeReader::Opened opened = reader.open(item);
  const bool directory = opened.entry.type == EntryType::directory;
  if (opened.socket || (opened.status.st_nlink > 1 && !directory)) return false;
  if (opened.file && opened.status.st_size > small_file) return false;

  const std::size_t start = bytes_.size();
  try {
    append_tar_header(opened.entry, bytes_);
    if (opened.entry.size == 0) return true;
    std::size_t at = bytes_.size();
    const std::size_t end = at + opened.entry.size;
    bytes_.resize(end + tar_padding(opened.entry.size));
    const auto room = std::as_writable_bytes(std::span(bytes_));
    while (at < end) at += reader.read(opened, room.subspan(at, end - at));
    reader.check_unchanged(opened);
  } catch (...) {
    bytes_.resize(start);
    throw;
  }
  return true;
}

}  // namespace davit::oci
