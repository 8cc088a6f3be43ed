#include "oci/store/archive_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "oci/layer/tar_header.hpp"
#include "oci/layer/ustar.hpp"
#include "oci/store/archive.hpp"
#include "oci/store/archive_members.hpp"
#include "oci/store/layout_index.hpp"
#include "tests/oci/store/images.hpp"
#include "tests/support/temp_dir.hpp"

namespace davit::tests {
namespace {

using namespace oci;
using testing::ElementsAre;
using testing::IsEmpty;
namespace fs = std::filesystem;

using Files = std::vector<std::pair<std::string, std::string>>;

std::string blob_path(const Descriptor& blob) {
  return "blobs/sha256/" + std::string(blob.digest.hex());
}

/// The files of a layout with one image, tagged "1".
Files layout_files(const std::vector<std::string>& layers) {
  const auto memory = make_image(layers);
  Files files = {{"oci-layout", std::string(layout_version_text)},
                 {"index.json", with_entry(new_layout_index(), memory.descriptor, "1", {}, "")},
                 {blob_path(memory.descriptor), memory.manifest}};
  for (std::size_t i = 0; i < layers.size(); ++i) {
    files.push_back({blob_path(memory.blobs[i + 1]), layers[i]});
  }
  return files;
}

class ArchiveReading : public testing::Test {
 protected:
  std::unique_ptr<Store> open(const std::string& bytes) const {
    write_file(path_, bytes);
    return open_archive({}, path_, OpenMode::existing);
  }

  TempDir dir_;
  fs::path path_ = dir_ / "image.tar";
  const std::string layer_ = noise(300'000, 1);
  const TestImage image_ = make_image({layer_});
};

TEST_F(ArchiveReading, FindsTagsDocumentsAndBlobs) {
  const auto store = open(tar_of(layout_files({layer_})));
  EXPECT_THAT(store->tags({}), ElementsAre("1"));
  EXPECT_EQ(fetch_document({}, *store, require({}, *store, "1")), image_.manifest);
  EXPECT_EQ(fetched(*store, image_.blobs[1]), layer_);
  EXPECT_FALSE(store->has({}, image_.blobs[0]));
}

TEST_F(ArchiveReading, TakesNamesWithADotInFront) {
  Files files = layout_files({layer_});
  for (auto& [path, content] : files) path = "./" + path;
  EXPECT_EQ(fetched(*open(tar_of(files)), image_.blobs[1]), layer_);
}

TEST_F(ArchiveReading, DecompressesAWholeArchive) {
  const std::string tar = tar_of(layout_files({layer_}));
  for (const char* how : {"gzip", "gzip:9", "zstd"}) {
    EXPECT_EQ(fetched(*open(compressed(tar, how)), image_.blobs[1]), layer_) << how;
  }
}

TEST_F(ArchiveReading, LeavesNoFileBehindAfterDecompressing) {
  const auto store = open(compressed(tar_of(layout_files({layer_})), "gzip"));
  EXPECT_THAT(std::distance(fs::directory_iterator(dir_.path()), fs::directory_iterator()), 1);
}

TEST_F(ArchiveReading, DecompressesNoLongerThanUntilAStop) {
  write_file(path_, compressed(tar_of(layout_files({layer_})), "gzip"));
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(
      kind_thrown([&] { open_archive({.stop = stop.get_token()}, path_, OpenMode::existing); }),
      ErrorKind::interrupted);
}

TEST_F(ArchiveReading, RefusesDamagedCompression) {
  std::string bytes = compressed(tar_of(layout_files({layer_})), "gzip");
  bytes.resize(bytes.size() / 2);
  EXPECT_EQ(kind_thrown([&] { open(bytes); }, path_.native()), ErrorKind::corrupt);
}

TEST_F(ArchiveReading, PassesOverNamesThatAreNotALayouts) {
  Files files = layout_files({layer_});
  for (const char* path :
       {"../index.json", "/oci-layout", "blobs/../index.json", "blobs/sha256/../../index.json",
        "blobs/sha256/short", "blobs/md5/d41d8cd98f00b204e9800998ecf8427e", "manifest.json",
        "blobs/sha256", "blobs"}) {
    files.push_back({path, "something else"});
  }
  const auto store = open(tar_of(files));
  EXPECT_THAT(store->tags({}), ElementsAre("1"));
  EXPECT_EQ(fetched(*store, image_.blobs[1]), layer_);
}

TEST_F(ArchiveReading, TakesTheLastOfTwoMembersWithOneName) {
  Files files = layout_files({layer_});
  files.push_back({"./index.json", new_layout_index()});
  EXPECT_THAT(open(tar_of(files))->tags({}), IsEmpty());
}

TEST_F(ArchiveReading, RefusesALinkInPlaceOfAFile) {
  for (const EntryType type :
       {EntryType::symlink, EntryType::hardlink, EntryType::directory, EntryType::fifo}) {
    for (const std::string& path : {std::string("index.json"), blob_path(image_.blobs[0])}) {
      std::string tar;
      append_tar_header({.type = type, .path = path, .link_target = "/etc/passwd"}, tar);
      EXPECT_EQ(kind_thrown([&] { open(tar + tar_of(layout_files({layer_}))); }, path),
                ErrorKind::corrupt);
    }
  }
}

TEST_F(ArchiveReading, NamesABlobWithAnotherContent) {
  Files files = layout_files({layer_});
  files.back().second[7] ^= 1;
  const auto store = open(tar_of(files));
  EXPECT_EQ(kind_thrown([&] { fetched(*store, image_.blobs[1]); }, image_.blobs[1].digest.str()),
            ErrorKind::corrupt);
}

TEST_F(ArchiveReading, NamesABlobWithAnotherSize) {
  Files files = layout_files({layer_});
  files.back().second += "more";
  const auto store = open(tar_of(files));
  EXPECT_FALSE(store->has({}, image_.blobs[1]));
  EXPECT_EQ(kind_thrown([&] { fetched(*store, image_.blobs[1]); }, "promised"), ErrorKind::corrupt);
}

TEST_F(ArchiveReading, RefusesATruncatedArchive) {
  const std::string tar = tar_of(layout_files({layer_}));
  for (const std::size_t size : {std::size_t{0}, std::size_t{100}, std::size_t{512},
                                 std::size_t{700}, tar.size() / 2, tar.size() - 1024}) {
    EXPECT_EQ(kind_thrown([&] { open(tar.substr(0, size)); }, path_.native()), ErrorKind::corrupt)
        << size;
  }
}

TEST_F(ArchiveReading, RefusesASizeBeyondTheEndOfTheFile) {
  const std::string path = blob_path(image_.blobs[0]);
  for (const std::uint64_t size : {std::uint64_t{1} << 20, (std::uint64_t{1} << 63) - 1}) {
    std::string tar;
    append_tar_header({.path = path, .size = size}, tar);
    EXPECT_EQ(kind_thrown([&] { open(tar + "few bytes"); }, "truncated"), ErrorKind::corrupt);
  }
}

TEST_F(ArchiveReading, RefusesWhatIsNoTar) {
  EXPECT_EQ(kind_thrown([&] { open(noise(10'000, 1)); }, "not a tar"), ErrorKind::corrupt);
  EXPECT_EQ(kind_thrown([&] { open(R"({"schemaVersion":2})"); }), ErrorKind::corrupt);
}

TEST_F(ArchiveReading, RefusesATarThatIsNoLayout) {
  EXPECT_EQ(kind_thrown(
                [&] {
                  open(tar_of({{"etc/passwd", "root"}}));
                },
                "oci-layout"),
            ErrorKind::corrupt);
  EXPECT_EQ(kind_thrown(
                [&] {
                  open(tar_of({{"oci-layout", std::string(layout_version_text)}}));
                },
                "index.json is missing"),
            ErrorKind::corrupt);
  EXPECT_EQ(kind_thrown(
                [&] {
                  open(tar_of({{"oci-layout", R"({"imageLayoutVersion":"9"})"}}));
                },
                "'9'"),
            ErrorKind::corrupt);
}

TEST_F(ArchiveReading, RefusesAnIndexThatIsTooLarge) {
  Files files = layout_files({layer_});
  files[1].second.append(document_limit, ' ');
  EXPECT_EQ(kind_thrown([&] { open(tar_of(files)); }, "index.json"), ErrorKind::corrupt);
}

TEST_F(ArchiveReading, RefusesTooManyMembers) {
  std::string header;
  append_tar_header({.path = "x"}, header);
  std::string tar;
  for (int i = 0; i < 200'001; ++i) tar += header;
  EXPECT_EQ(kind_thrown([&] { open(tar); }, "members"), ErrorKind::corrupt);
}

TEST_F(ArchiveReading, NamesAFileThatIsMissing) {
  EXPECT_EQ(kind_thrown([&] { open_archive({}, path_, OpenMode::existing); }, path_.native()),
            ErrorKind::not_found);
}

TEST_F(ArchiveReading, ReadsNeitherDirectoriesNorFifos) {
  EXPECT_EQ(kind_thrown([&] { open_archive({}, dir_.path(), OpenMode::existing); }, "regular"),
            ErrorKind::failed);
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  EXPECT_EQ(kind_thrown([&] { open_archive({}, path_, OpenMode::existing); }, "regular"),
            ErrorKind::failed);
}

TEST_F(ArchiveReading, IsNotChanged) {
  const auto store = open(tar_of(layout_files({layer_})));
  const Descriptor blob = describe(media::oci_layer, "new");
  EXPECT_EQ(kind_thrown([&] { store->push({}, blob, content_of("new")); }), ErrorKind::refused);
  EXPECT_EQ(kind_thrown([&] { store->add({}, media::oci_layer, content_of("new")); }),
            ErrorKind::refused);
  EXPECT_EQ(
      kind_thrown([&] { store->tag({}, image_.descriptor, content_of(image_.manifest), "2"); }),
      ErrorKind::refused);
  EXPECT_EQ(kind_thrown([&] { store->remove({}, "1"); }), ErrorKind::refused);
}

TEST_F(ArchiveReading, DoesNotReadTheDataOfLargeMembers) {
  // A hole of 64 GiB is listed at once; its header says what ustar cannot.
  const std::uint64_t size = 64 * GiB;
  std::string header;
  append_tar_header({.path = blob_path(image_.blobs[1]), .size = size}, header);
  write_file(path_, header);
  fs::resize_file(path_, header.size() + size + 2 * tar_block_size);
  const Fd file = open_file(path_, O_RDONLY);
  const ArchiveMembers members = list_archive(*Volumes::open(path_), "archive");
  ASSERT_EQ(members.blobs.size(), 1u);
  EXPECT_EQ(members.blobs.at(image_.blobs[1].digest).size, size);
  EXPECT_EQ(members.blobs.at(image_.blobs[1].digest).offset, header.size());
}

}  // namespace
}  // namespace davit::tests
