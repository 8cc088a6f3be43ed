#include "oci/store/archive_members.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "oci/base/error.hpp"
#include "oci/base/limits.hpp"
#include "oci/layer/tar_parser.hpp"
#include "oci/model/descriptor.hpp"

namespace davit::oci {
namespace {

class Listing final : public TarHandler {
 public:
  Listing(std::string_view what, const std::function<void(const TarEntry&)>& show)
      : what_(what), show_(show) {}

  void entry(const TarEntry& entry) override {
    data_end_ = entry.data_offset + entry.size;
    if (++count_ > archive_member_limit) {
      throw Error(ErrorKind::corrupt,
                  fmt::format("{} has more than {} members", what_, archive_member_limit));
    }
    show_(entry);
  }
  void data(Bytes) override {}

  /// Where the data of the last entry ends.
  std::uint64_t data_end() const { return data_end_; }

 private:
  const std::string_view what_;
  const std::function<void(const TarEntry&)>& show_;
  std::uint64_t data_end_ = 0;
  std::size_t count_ = 0;
};

/// The place for a member of this name; null if it is none of the files that matter.
ArchiveMember* place_for(std::string_view path, ArchiveMembers& members) {
  while (path.starts_with("./")) path.remove_prefix(2);
  if (path == "index.json") return &members.index.emplace();
  if (path == "oci-layout") return &members.version.emplace();
  if (path == "manifest.json") return &members.docker_manifest.emplace();
  constexpr std::string_view blobs = "blobs/";
  if (!path.starts_with(blobs)) return nullptr;
  std::string digest(path.substr(blobs.size()));
  std::replace(digest.begin(), digest.end(), '/', ':');
  const auto parsed = Digest::try_parse(digest);
  return parsed ? &members.blobs[*parsed] : nullptr;
}

}  // namespace

void list_entries(const Volumes& file, std::string_view what,
                  const std::function<void(const TarEntry&)>& entry) {
  constexpr std::uint64_t piece = 64 * KiB;
  static const std::vector<std::byte> unread(1 * MiB);
  const std::uint64_t size = file.size(what);
  Listing listing(what, entry);
  TarParser parser(listing, std::string(what));
  std::uint64_t offset = 0;
  while (offset < size) {
    // Data is not looked at, so what is large is not read: the parser is given zeros instead.
    const std::uint64_t data_end = std::min(listing.data_end(), size);
    while (offset < data_end) {
      const std::uint64_t n = std::min<std::uint64_t>(data_end - offset, unread.size());
      parser.write(Bytes(unread).first(n));
      offset += n;
    }
    const std::uint64_t n = std::min(piece, size - offset);
    file.send(offset, n, parser, what);
    offset += n;
  }
  parser.finish();
}

ArchiveMembers list_archive(const Volumes& file, std::string_view what) {
  ArchiveMembers members;
  list_entries(file, what, [&](const TarEntry& entry) {
    ArchiveMember* member = place_for(entry.path, members);
    if (member == nullptr) return;
    if (entry.type != EntryType::file) {
      throw Error(ErrorKind::corrupt,
                  fmt::format("{}: {} is not a regular file", what, printable(entry.path)));
    }
    *member = {.offset = entry.data_offset, .size = entry.size};
  });
  return members;
}

std::string read_member(const Volumes& file, const ArchiveMember& member, std::string_view what) {
  StringSink text(document_limit, what);
  file.send(member.offset, member.size, text, what);
  return std::move(text.text());
}

}  // namespace davit::oci
