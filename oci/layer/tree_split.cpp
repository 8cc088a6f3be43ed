#include "oci/layer/tree_split.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <bit>
#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "oci/base/bytes.hpp"
#include "oci/base/error.hpp"
#include "oci/base/file.hpp"
#include "oci/base/tasks.hpp"
#include "oci/layer/tree_walk.hpp"
#include "oci/layer/ustar.hpp"

namespace davit::oci {
namespace {

struct Entry {
  std::string path;
  std::uint64_t begin;  // the weight of all entries before it
  std::uint64_t hash;   // of the path
  std::uint32_t depth;  // of the directory that it shares with the entry before
};

/// The names of one file, as places in the list of entries.
using Links = std::map<std::pair<dev_t, ino_t>, std::vector<std::size_t>>;

struct Listing {
  std::vector<Entry> entries;
  std::uint64_t weight = 0;
  Links links;
};

/// Up to three significant bits: small changes of a file make no difference.
std::uint64_t rounded_up(std::uint64_t size) {
  const int spare = std::bit_width(size) - 3;
  if (spare <= 0) return size;
  const std::uint64_t unit = std::uint64_t{1} << spare;
  return (size + unit - 1) / unit * unit;
}

/// FNV-1a.
std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

std::uint32_t common_depth(std::string_view a, std::string_view b) {
  const auto end = std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first;
  return static_cast<std::uint32_t>(std::count(a.begin(), end, '/'));
}

Listing list(const std::filesystem::path& directory, const std::stop_token& stop) {
  const std::string name = printable(directory.native());
  const Fd root = open_file(directory, O_RDONLY | O_DIRECTORY);
  TreeWalk walk(root.get(), name);
  Listing listing;
  std::string before;
  while (const auto item = walk.next()) {
    check_stop(stop);
    std::string path = item->path();
    std::uint64_t size = 0;
    if (item->type != DT_DIR) {
      struct stat status;
      if (::fstatat(item->directory->fd.get(), item->name.c_str(), &status, AT_SYMLINK_NOFOLLOW) !=
          0) {
        throw errno_error(name + "/" + printable(path));
      }
      if (S_ISREG(status.st_mode)) size = static_cast<std::uint64_t>(status.st_size);
      if (status.st_nlink > 1) {
        auto& names = listing.links[{status.st_dev, status.st_ino}];
        if (!names.empty()) size = 0;
        names.push_back(listing.entries.size());
      }
    }
    const std::uint64_t hash = hash_of(path);
    const std::uint32_t depth = common_depth(before, path);
    before = path;
    listing.entries.push_back({std::move(path), listing.weight, hash, depth});
    listing.weight += tar_block_size + rounded_up(size + tar_padding(size));
  }
  return listing;
}

/// Finds where parts begin.
class Cutter {
 public:
  Cutter(const Listing& listing, std::uint64_t max_size) : listing_(listing), max_size_(max_size) {}

  /// In order; the first is 0.
  std::vector<std::size_t> cuts() {
    cuts_ = {0};
    cut(0, listing_.entries.size());
    std::sort(cuts_.begin(), cuts_.end());
    return cuts_;
  }

 private:
  std::uint64_t begin(std::size_t entry) const {
    return entry == listing_.entries.size() ? listing_.weight : listing_.entries[entry].begin;
  }

  /// The first entry after `from` that begins at `weight` or later.
  std::size_t at(std::uint64_t weight, std::size_t from, std::size_t to) const {
    const auto& entries = listing_.entries;
    const auto found = std::lower_bound(
        entries.begin() + static_cast<std::ptrdiff_t>(from) + 1,
        entries.begin() + static_cast<std::ptrdiff_t>(to), weight,
        [](const Entry& entry, std::uint64_t wanted) { return entry.begin < wanted; });
    return static_cast<std::size_t>(found - entries.begin());
  }

  void cut(std::size_t from, std::size_t to) {
    const std::uint64_t weight = begin(to) - begin(from);
    if (weight <= max_size_ || to - from < 2) return;
    const std::size_t middle = choose(from, to, weight);
    cuts_.push_back(middle);
    cut(from, middle);
    cut(middle, to);
  }

  std::size_t choose(std::size_t from, std::size_t to, std::uint64_t weight) const {
    const std::size_t low = at(begin(from) + weight / 4, from, to);
    const std::size_t high = at(begin(from) + weight - weight / 4, from, to);
    if (low == high) {
      // One entry covers the middle. It goes with the lighter side, if that fits.
      const std::size_t large = low - 1;
      if (large == from) return large + 1;
      if (large + 1 == to) return large;
      const std::uint64_t before = begin(large) - begin(from);
      return before > begin(to) - begin(large + 1) ? large : large + 1;
    }
    const auto& entries = listing_.entries;
    const auto best = std::min_element(
        entries.begin() + static_cast<std::ptrdiff_t>(low),
        entries.begin() + static_cast<std::ptrdiff_t>(high), [](const Entry& a, const Entry& b) {
          return std::tie(a.depth, a.hash) < std::tie(b.depth, b.hash);
        });
    return static_cast<std::size_t>(best - entries.begin());
  }

  const Listing& listing_;
  const std::uint64_t max_size_;
  std::vector<std::size_t> cuts_;
};

/// Calls `each` with the directories above a path, the root first.
template <class Each>
void for_parents(const std::string& path, const Each& each) {
  if (path.empty()) return;
  each(std::string());
  for (auto slash = path.find('/'); slash != std::string::npos && slash + 1 < path.size();
       slash = path.find('/', slash + 1)) {
    each(path.substr(0, slash + 1));
  }
}

/// All names of a file go where its first is.
void move_links(const Listing& listing, const std::vector<std::size_t>& cuts,
                std::vector<TreePart>& parts) {
  const auto part_of = [&](std::size_t entry) {
    const auto next = std::upper_bound(cuts.begin(), cuts.end(), entry);
    return static_cast<std::size_t>(next - cuts.begin()) - 1;
  };
  for (const auto& [file, names] : listing.links) {
    const std::size_t home = part_of(names.front());
    for (const std::size_t name : names) {
      const std::size_t here = part_of(name);
      if (here == home) continue;
      parts[here].without.insert(listing.entries[name].path);
      parts[home].with.insert(listing.entries[name].path);
    }
  }
}

std::set<std::string> shared_directories(const std::vector<TreePart>& parts) {
  std::set<std::string> shared;
  for (const TreePart& part : parts) {
    for_parents(part.first, [&](const std::string& parent) { shared.insert(parent); });
    for (const std::string& path : part.with) {
      for_parents(path, [&](const std::string& parent) {
        if (!part.in_range(parent)) shared.insert(parent);
      });
    }
  }
  return shared;
}

}  // namespace

std::vector<std::shared_ptr<const TreePart>> split_tree(const std::filesystem::path& directory,
                                                        const SplitOptions& options) {
  const Listing listing = list(directory, options.stop);
  std::uint64_t max_size = options.max_size;
  std::vector<std::size_t> cuts = Cutter(listing, max_size).cuts();
  // One part is for the directories.
  while (cuts.size() >= options.max_parts) {
    max_size *= 2;
    cuts = Cutter(listing, max_size).cuts();
  }
  if (cuts.size() == 1) return {};

  std::vector<TreePart> parts(cuts.size());
  for (std::size_t i = 0; i < parts.size(); ++i) {
    parts[i].first = listing.entries[cuts[i]].path;
    if (i + 1 < parts.size()) parts[i].end = listing.entries[cuts[i + 1]].path;
  }
  move_links(listing, cuts, parts);
  const auto shared = std::make_shared<const std::set<std::string>>(shared_directories(parts));
  std::vector<std::shared_ptr<const TreePart>> result;
  for (TreePart& part : parts) {
    part.untimed = shared;
    result.push_back(std::make_shared<const TreePart>(std::move(part)));
  }
  TreePart directories;
  directories.end = "";
  directories.with = *shared;
  result.push_back(std::make_shared<const TreePart>(std::move(directories)));
  return result;
}

}  // namespace davit::oci
