#include "oci/store/archive_reader.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "oci/layer/decompress.hpp"
#include "oci/store/docker_archive.hpp"
#include "oci/store/layout_index.hpp"

namespace davit::oci {
namespace {

/// Far above what tar and gzip or zstd make of honest content (113 for a layer of a million tiny
/// files), far below what a bomb does (32,000).
constexpr std::uint64_t expansion_limit = 1000;
constexpr std::uint64_t small_archive = 1 * MiB;

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

/// The tar itself: what is in the file, or what is compressed in it.
std::unique_ptr<Volumes> decompressed(const Call& call, std::unique_ptr<Volumes> file,
                                      std::string_view what) {
  const std::uint64_t size = file->size(what);
  StringSink start(magic_size, what);
  file->send(0, std::min<std::uint64_t>(size, magic_size), start, what);
  const Encoding encoding = sniff(bytes_of(start.text()));
  if (encoding == Encoding::none) return file;
  Fd tar = nameless_file();
  std::uint64_t written = 0;
  FunctionSink sink([&](Bytes bytes) {
    call.check();
    written += bytes.size();
    if (written / expansion_limit > std::max(size, small_archive)) {
      throw Error(ErrorKind::refused,
                  fmt::format("{} becomes more than {} times as large when it is decompressed",
                              what, expansion_limit));
    }
    write_all(tar.get(), bytes, "a temporary file");
  });
  const auto decompressor = make_decompressor(encoding, sink, what);
  file->send(0, size, *decompressor, what);
  decompressor->finish();
  return std::make_unique<Volumes>(std::move(tar));
}

class ArchiveReader final : public LayoutFiles {
 public:
  ArchiveReader(const Call& call, const std::filesystem::path& file)
      : name_(fmt::format("oci-archive:{}", printable(file.native()))),
        file_(decompressed(call, Volumes::open(file), name_)) {
    ArchiveMembers members = list();
    if (members.version) {
      check_layout_version(small_member(members.version, "oci-layout"), name_);
      index_ = small_member(members.index, "index.json");
      blobs_ = std::move(members.blobs);
    } else if (members.docker_manifest) {
      DockerArchive docker = read_docker_archive(*file_, *members.docker_manifest, name_);
      index_ = std::move(docker.index);
      blobs_ = std::move(docker.blobs);
      documents_ = std::move(docker.documents);
    } else {
      throw Error(ErrorKind::corrupt,
                  name_ + " has no image layout: no member oci-layout, nor Docker's manifest.json");
    }
  }

  std::string name() const override { return name_; }

  std::optional<std::uint64_t> blob_size(const Digest& digest) override {
    if (const auto made = documents_.find(digest); made != documents_.end()) {
      return made->second.size();
    }
    const auto found = blobs_.find(digest);
    if (found == blobs_.end()) return std::nullopt;
    return found->second.size;
  }

  bool has(const Call&, const Digest& digest, std::uint64_t size) override {
    return blob_size(digest) == size;
  }
  void read_blob(const Call&, const Digest& digest, Sink& into) override {
    if (const auto made = documents_.find(digest); made != documents_.end()) {
      return into.write(bytes_of(made->second));
    }
    const auto found = blobs_.find(digest);
    if (found == blobs_.end()) {
      throw Error(ErrorKind::not_found, digest.str() + " is not there");
    }
    file_->send(found->second.offset, found->second.size, into, digest.str());
  }

  void write_blob(const Call&, const Digest&, std::uint64_t, const Content&) override { refuse(); }
  void add_blob(const Call&, const Content&, const std::function<Descriptor()>&) override {
    refuse();
  }
  void edit_index(const Call&, const std::function<std::string(const std::string&)>&) override {
    refuse();
  }
  std::unique_ptr<Assembly> assemble(const Call&, const Descriptor&) override { return nullptr; }
  void expect(const Call&, std::span<const Descriptor>) override {}
  void commit(const Call&) override {}
  std::string index() override { return index_; }

 private:
  ArchiveMembers list() const {
    try {
      return list_archive(*file_, name_);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::corrupt || file_->last_volume().empty()) throw;
      throw Error(ErrorKind::corrupt, error.what(),
                  fmt::format("is there a volume after {}?", file_->last_volume()));
    }
  }

  std::string small_member(const std::optional<ArchiveMember>& member, std::string_view path) {
    const std::string what = fmt::format("{}: {}", name_, path);
    if (!member) throw Error(ErrorKind::corrupt, what + " is missing");
    return read_member(*file_, *member, what);
  }

  [[noreturn]] void refuse() const {
    throw Error(ErrorKind::refused, name_ + " cannot be changed",
                "an archive is written as a whole; copy it to a new one or to a layout");
  }

  const std::string name_;
  const std::unique_ptr<Volumes> file_;
  std::string index_;
  std::map<Digest, ArchiveMember> blobs_;
  std::map<Digest, std::string> documents_;  // that are in no file
};

}  // namespace

std::unique_ptr<LayoutFiles> read_archive(const Call& call, const std::filesystem::path& file) {
  return std::make_unique<ArchiveReader>(call, file);
}

}  // namespace davit::oci
