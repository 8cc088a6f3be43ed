#include "oci/store/archive_reader.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "oci/layer/decompress.hpp"
#include "oci/layer/tar_parser.hpp"
#include "oci/store/layout_index.hpp"

namespace davit::oci {
namespace {

constexpr std::size_t member_limit = 200'000;

/// Far above what tar and gzip or zstd make of honest content (113 for a layer of a million tiny
/// files), far below what a bomb does (32,000).
constexpr std::uint64_t expansion_limit = 1000;
constexpr std::uint64_t small_archive = 1 * MiB;

class Listing final : public TarHandler {
 public:
  explicit Listing(std::string_view what) : what_(what) {}

  void entry(const TarEntry& entry) override {
    data_end_ = entry.data_offset + entry.size;
    if (++count_ > member_limit) {
      throw Error(ErrorKind::corrupt,
                  fmt::format("{} has more than {} members", what_, member_limit));
    }
    ArchiveMember* member = file_named(entry.path);
    if (member == nullptr) return;
    if (entry.type != EntryType::file) {
      throw Error(ErrorKind::corrupt,
                  fmt::format("{}: {} is not a regular file", what_, printable(entry.path)));
    }
    *member = {.offset = entry.data_offset, .size = entry.size};
  }
  void data(Bytes) override {}

  /// Where the data of the last entry ends.
  std::uint64_t data_end() const { return data_end_; }
  ArchiveMembers& members() { return members_; }

 private:
  /// The place for a member of this name; null if the layout has no such file.
  ArchiveMember* file_named(std::string_view path) {
    while (path.starts_with("./")) path.remove_prefix(2);
    if (path == "index.json") return &members_.index.emplace();
    if (path == "oci-layout") return &members_.version.emplace();
    constexpr std::string_view blobs = "blobs/";
    if (!path.starts_with(blobs)) return nullptr;
    std::string digest(path.substr(blobs.size()));
    std::replace(digest.begin(), digest.end(), '/', ':');
    const auto parsed = Digest::try_parse(digest);
    return parsed ? &members_.blobs[*parsed] : nullptr;
  }

  std::string_view what_;
  std::uint64_t data_end_ = 0;
  std::size_t count_ = 0;
  ArchiveMembers members_;
};

std::uint64_t size_of(const Fd& fd, std::string_view what) {
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) throw errno_error(what);
  if (!S_ISREG(status.st_mode)) {
    throw Error(ErrorKind::failed, fmt::format("{} is not a regular file", what),
                S_ISDIR(status.st_mode) ? "a layout in a directory is named oci:DIRECTORY" : "");
  }
  return static_cast<std::uint64_t>(status.st_size);
}

/// A file without a name, gone with its descriptor.
Fd nameless_file() {
  const std::filesystem::path directory = std::filesystem::temp_directory_path();
  try {
    return open_file(directory, O_RDWR | O_TMPFILE, 0600);
  } catch (const Error&) {
    // Some file systems know no O_TMPFILE; if it is something else, it shows here.
    std::string name = directory / "davit-XXXXXX";
    Fd fd(::mkostemp(name.data(), O_CLOEXEC));
    if (!fd) throw errno_error(printable(directory.native()));
    ::unlink(name.c_str());
    return fd;
  }
}

/// The tar itself: the file, or what is compressed in it.
Fd decompressed(Fd fd, std::string_view what) {
  const std::uint64_t size = size_of(fd, what);
  StringSink start(magic_size, what);
  send_file(fd.get(), 0, std::min<std::uint64_t>(size, magic_size), start, what);
  const Encoding encoding = sniff(bytes_of(start.text()));
  if (encoding == Encoding::none) return fd;
  Fd tar = nameless_file();
  std::uint64_t written = 0;
  FunctionSink sink([&](Bytes bytes) {
    written += bytes.size();
    if (written / expansion_limit > std::max(size, small_archive)) {
      throw Error(ErrorKind::refused,
                  fmt::format("{} becomes more than {} times as large when it is decompressed",
                              what, expansion_limit));
    }
    write_all(tar.get(), bytes, "a temporary file");
  });
  const auto decompressor = make_decompressor(encoding, sink, what);
  send_file(fd.get(), 0, size, *decompressor, what);
  decompressor->finish();
  return tar;
}

class ArchiveReader final : public LayoutFiles {
 public:
  explicit ArchiveReader(const std::filesystem::path& file)
      : name_(fmt::format("oci-archive:{}", printable(file.native()))),
        fd_(decompressed(open_file(file, O_RDONLY | O_NONBLOCK), name_)),
        members_(list_archive(fd_.get(), size_of(fd_, name_), name_)) {
    if (!members_.version) {
      throw Error(ErrorKind::corrupt, name_ + " has no image layout: no member oci-layout");
    }
    check_layout_version(small_member(members_.version, "oci-layout"), name_);
    index_ = small_member(members_.index, "index.json");
  }

  std::string name() const override { return name_; }

  std::optional<std::uint64_t> blob_size(const Digest& digest) override {
    const auto found = members_.blobs.find(digest);
    if (found == members_.blobs.end()) return std::nullopt;
    return found->second.size;
  }

  void read_blob(const Digest& digest, Sink& into) override {
    const auto found = members_.blobs.find(digest);
    if (found == members_.blobs.end()) {
      throw Error(ErrorKind::not_found, digest.str() + " is not there");
    }
    send_file(fd_.get(), found->second.offset, found->second.size, into, digest.str());
  }

  void write_blob(const Digest&, std::uint64_t, const Content&) override { refuse(); }
  void add_blob(const Content&, const std::function<Descriptor()>&) override { refuse(); }
  void edit_index(const std::function<std::string(const std::string&)>&) override { refuse(); }
  std::string index() override { return index_; }

 private:
  std::string small_member(const std::optional<ArchiveMember>& member, std::string_view path) {
    const std::string what = fmt::format("{}: {}", name_, path);
    if (!member) throw Error(ErrorKind::corrupt, what + " is missing");
    StringSink text(document_limit, what);
    send_file(fd_.get(), member->offset, member->size, text, what);
    return std::move(text.text());
  }

  [[noreturn]] void refuse() const {
    throw Error(ErrorKind::refused, name_ + " cannot be changed",
                "an archive is written as a whole; copy it to a new one or to a layout");
  }

  const std::string name_;
  const Fd fd_;
  ArchiveMembers members_;
  std::string index_;
};

}  // namespace

ArchiveMembers list_archive(int fd, std::uint64_t size, std::string_view what) {
  constexpr std::uint64_t piece = 64 * KiB;
  static const std::vector<std::byte> unread(1 * MiB);
  Listing listing(what);
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
    send_file(fd, offset, n, parser, what);
    offset += n;
  }
  parser.finish();
  return std::move(listing.members());
}

std::unique_ptr<LayoutFiles> read_archive(const std::filesystem::path& file) {
  return std::make_unique<ArchiveReader>(file);
}

}  // namespace davit::oci
