#include "oci/store/regions.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "oci/base/error.hpp"
#include "oci/layer/ustar.hpp"
#include "oci/store/archive_header.hpp"
#include "oci/store/layout_index.hpp"

namespace davit::oci {
namespace {

/// No two sizes up to here overflow when they are added.
constexpr std::uint64_t largest_archive = std::uint64_t{1} << 62;

}  // namespace

std::uint64_t Region::end() const { return data() + size + tar_padding(size); }

Region* Regions::find(const Digest& digest) {
  const auto found = regions_.find(digest);
  return found == regions_.end() ? nullptr : &found->second;
}

Region& Regions::keep(const Digest& digest, std::uint64_t size) {
  Region region{
      .start = end_, .header_size = member_header(blob_path(digest), size).size(), .size = size};
  if (size > largest_archive || region.end() > largest_archive) {
    throw Error(ErrorKind::corrupt, fmt::format("no file has room for {} bytes", size));
  }
  end_ = region.end();
  return regions_[digest] = region;
}

void Regions::append(const Digest& digest, std::uint64_t size) {
  const Region region{
      .start = end_, .header_size = tar_block_size, .size = size, .state = Region::State::complete};
  end_ = region.end();
  regions_[digest] = region;
}

void Regions::drop(const Digest& digest) { regions_.erase(digest); }

std::vector<Move> Regions::compact() {
  std::erase_if(regions_,
                [](const auto& entry) { return entry.second.state != Region::State::complete; });
  std::vector<Region*> in_order;
  for (auto& [digest, region] : regions_) in_order.push_back(&region);
  std::sort(in_order.begin(), in_order.end(),
            [](const Region* a, const Region* b) { return a->start < b->start; });
  std::vector<Move> moves;
  end_ = 0;
  for (Region* region : in_order) {
    if (region->start != end_) {
      moves.push_back({.from = region->start, .to = end_, .size = region->end() - region->start});
      region->start = end_;
    }
    end_ = region->end();
  }
  return moves;
}

}  // namespace davit::oci
