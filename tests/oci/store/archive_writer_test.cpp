#include "oci/store/archive_writer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <future>
#include <latch>
#include <thread>

#include "oci/base/file.hpp"
#include "oci/layer/tar_parser.hpp"
#include "oci/store/archive.hpp"
#include "oci/store/archive_header.hpp"
#include "oci/store/assembly.hpp"
#include "oci/store/copy.hpp"
#include "oci/store/memory.hpp"
#include "tests/oci/store/parts.hpp"
#include "tests/support/temp_dir.hpp"

namespace davit::tests {
namespace {

using namespace oci;
using testing::ElementsAre;
namespace fs = std::filesystem;

struct Listed final : TarHandler {
  void entry(const TarEntry& entry) override { entries.push_back(entry); }
  void data(Bytes) override {}
  std::vector<TarEntry> entries;
};

std::vector<TarEntry> entries_in(const std::string& tar) {
  Listed listed;
  TarParser parser(listed, "tar");
  parser.write(bytes_of(tar));
  parser.finish();
  return listed.entries;
}

std::vector<std::string> names_in(const std::string& tar) {
  std::vector<std::string> names;
  for (const TarEntry& entry : entries_in(tar)) names.push_back(entry.path);
  return names;
}

std::string blob_path(const Descriptor& blob) {
  return "blobs/sha256/" + std::string(blob.digest.hex());
}

class ArchiveWriting : public testing::Test {
 protected:
  std::unique_ptr<Store> create() const { return open_archive({}, path_, OpenMode::create); }
  std::unique_ptr<Store> open() const { return open_archive({}, path_, OpenMode::existing); }
  std::string bytes() const { return read_file(path_, 1 * GiB); }
  std::ptrdiff_t files() const {
    return std::distance(fs::directory_iterator(dir_.path()), fs::directory_iterator());
  }

  TempDir dir_;
  fs::path path_ = dir_ / "image.tar";
};

TEST_F(ArchiveWriting, GivesAnArchiveThatIsRead) {
  const auto store = create();
  const TestImage image = put_image(*store, {noise(1'000'000, 1), "small", ""});
  store->tag({}, image.descriptor, content_of(image.manifest), "1");
  store->commit({});
  EXPECT_TRUE(is_complete(*open(), require({}, *open(), "1")));
  EXPECT_EQ(files(), 1);
}

TEST_F(ArchiveWriting, EndsWithTheFilesOfTheLayout) {
  const auto store = create();
  const TestImage image = put_image(*store, {"one", "two"});
  store->commit({});
  EXPECT_THAT(names_in(bytes()), ElementsAre(blob_path(image.blobs[0]), blob_path(image.blobs[1]),
                                             blob_path(image.blobs[2]), blob_path(image.descriptor),
                                             "oci-layout", "index.json"));
}

TEST_F(ArchiveWriting, HasNeitherTimesNorOwners) {
  const auto store = create();
  put_image(*store, {"one"});
  store->commit({});
  for (const TarEntry& entry : entries_in(bytes())) {
    EXPECT_EQ(entry.mtime, 0);
    EXPECT_EQ(entry.uid, 0u);
    EXPECT_EQ(entry.gid, 0u);
    EXPECT_EQ(entry.mode, 0644u);
  }
}

TEST_F(ArchiveWriting, AppearsOnCommitOnly) {
  write_file(path_, "what was there");
  const auto store = create();
  put_image(*store, {"layer"});
  EXPECT_EQ(bytes(), "what was there");
  store->commit({});
  EXPECT_TRUE(open()->resolve({}, ""));
}

TEST_F(ArchiveWriting, ReplacesTheFileBehindALinkAndKeepsTheLink) {
  write_file(dir_ / "real/archive.tar", "what was there");
  fs::create_symlink("real/archive.tar", path_);
  for (const std::string& layer : {std::string("small"), large_noise()}) {
    const auto store = create();
    store->expect({}, make_image({layer}).blobs);  // What is large is written by parts.
    put_image(*store, {layer});
    store->commit({});
    EXPECT_TRUE(fs::is_symlink(path_));
    EXPECT_TRUE(open()->resolve({}, ""));
  }
}

TEST_F(ArchiveWriting, LeavesNothingWithoutACommit) {
  put_image(*create(), {"layer"});
  EXPECT_EQ(files(), 0);
}

TEST_F(ArchiveWriting, OfNothingIsAnEmptyLayout) {
  create()->commit({});
  EXPECT_FALSE(open()->resolve({}, ""));
}

TEST_F(ArchiveWriting, IsNotChangedAfterItsCommit) {
  const auto store = create();
  const TestImage image = put_image(*store, {"layer"});
  store->commit({});
  EXPECT_EQ(kind_thrown([&] { put(*store, media::oci_layer, "late"); }), ErrorKind::refused);
  EXPECT_EQ(kind_thrown([&] { store->add({}, media::oci_layer, content_of("late")); }),
            ErrorKind::refused);
  EXPECT_EQ(kind_thrown([&] { store->tag({}, image.descriptor, content_of(image.manifest), "1"); }),
            ErrorKind::refused);
  store->commit({});
  EXPECT_TRUE(is_complete(*open(), image.descriptor));
}

TEST_F(ArchiveWriting, ReplacesNothingButAFile) {
  fs::create_directory(path_);
  EXPECT_EQ(kind_thrown([&] { create(); }, "regular"), ErrorKind::failed);
  fs::remove(path_);
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  EXPECT_EQ(kind_thrown([&] { create(); }, "regular"), ErrorKind::failed);
}

TEST_F(ArchiveWriting, NamesADirectoryThatIsMissing) {
  path_ = dir_ / "missing" / "image.tar";
  EXPECT_EQ(kind_thrown([&] { create(); }, path_.native()), ErrorKind::not_found);
}

TEST_F(ArchiveWriting, StoresABlobOnce) {
  const auto store = create();
  const std::string layer = noise(100'000, 1);
  put(*store, media::oci_layer, layer);
  store->add({}, media::oci_layer, content_of(layer));
  store->add({}, media::oci_layer, content_of("other"));
  store->add({}, media::oci_layer, content_of("other"));
  put(*store, media::oci_layer, "other");
  store->commit({});
  EXPECT_EQ(names_in(bytes()).size(), 4u);
}

TEST_F(ArchiveWriting, HasNoTraceOfWhatFailed) {
  const auto store = create();
  const Descriptor broken = describe(media::oci_layer, noise(5000, 1));
  EXPECT_EQ(kind_thrown([&] { store->push({}, broken, content_of(noise(5000, 2))); }),
            ErrorKind::corrupt);
  const TestImage image = put_image(*store, {noise(70'000, 3), noise(3'000'000, 4)});
  EXPECT_EQ(kind_thrown([&] {
              store->add({}, media::oci_layer, [](const oci::Call&, oci::Sink& sink) {
                sink.write(bytes_of(noise(9000, 5)));
                throw Error(ErrorKind::failed, "shrank");
              });
            }),
            ErrorKind::failed);
  store->commit({});
  EXPECT_THAT(names_in(bytes()), ElementsAre(blob_path(image.blobs[0]), blob_path(image.blobs[1]),
                                             blob_path(image.blobs[2]), blob_path(image.descriptor),
                                             "oci-layout", "index.json"));
  EXPECT_TRUE(is_complete(*open(), image.descriptor));
  EXPECT_TRUE(is_complete(*store, image.descriptor));
}

TEST_F(ArchiveWriting, KeepsPlacesForWhatIsExpected) {
  const TestImage image = make_image({"one", "two"});
  const auto store = create();
  store->expect({}, image.blobs);
  put(*store, media::oci_layer, "two");
  put(*store, media::oci_layer, "not expected");
  put(*store, media::oci_layer, "one");
  store->commit({});
  EXPECT_THAT(names_in(bytes()), ElementsAre(blob_path(image.blobs[1]), blob_path(image.blobs[2]),
                                             blob_path(describe(media::oci_layer, "not expected")),
                                             "oci-layout", "index.json"));
  EXPECT_EQ(fetched(*open(), image.blobs[2]), "two");
}

TEST_F(ArchiveWriting, TakesAnAddOfWhatIsExpected) {
  const std::string layer = noise(10'000, 1);
  const std::vector<Descriptor> expected = {describe(media::oci_layer, layer),
                                            describe(media::oci_layer, "next")};
  const auto store = create();
  store->expect({}, expected);
  store->add({}, media::oci_layer, content_of(layer));
  put(*store, media::oci_layer, "next");
  store->commit({});
  EXPECT_EQ(names_in(bytes()).size(), 4u);
  EXPECT_EQ(fetched(*open(), expected[0]), layer);
  EXPECT_EQ(fetched(*open(), expected[1]), "next");
}

TEST_F(ArchiveWriting, RefusesToExpectMoreThanAFileHolds) {
  Descriptor lie = describe(media::oci_layer, "lie");
  lie.size = std::uint64_t{1} << 62;
  EXPECT_EQ(kind_thrown([&] { create()->expect({}, std::span(&lie, 1)); }), ErrorKind::corrupt);
}

TEST_F(ArchiveWriting, WritesKnownBlobsWhileAnAddGoesOn) {
  const std::string known = noise(400'000, 1);
  const Descriptor blob = describe(media::oci_layer, known);
  const auto store = create();
  store->expect({}, std::span(&blob, 1));
  const Descriptor added = store->add({}, media::oci_layer, [&](const oci::Call&, oci::Sink& sink) {
    sink.write(bytes_of("before "));
    put(*store, media::oci_layer, known);
    sink.write(bytes_of("after"));
  });
  store->commit({});
  EXPECT_EQ(fetched(*open(), added), "before after");
  EXPECT_EQ(fetched(*open(), blob), known);
}

TEST_F(ArchiveWriting, TakesTheSameBlobFromAPushAndAnAddAtOnce) {
  const std::string layer = noise(200'000, 1);
  const auto store = create();
  std::latch both(2);
  const auto slow = [&](const oci::Call&, oci::Sink& sink) {
    both.arrive_and_wait();
    sink.write(bytes_of(layer));
  };
  const Descriptor blob = describe(media::oci_layer, layer);
  store->expect({}, std::span(&blob, 1));
  {
    const std::jthread pushing([&] { store->push({}, blob, slow); });
    store->add({}, media::oci_layer, slow);
  }
  store->commit({});
  EXPECT_EQ(names_in(bytes()).size(), 3u);
  EXPECT_EQ(fetched(*open(), blob), layer);
}

TEST_F(ArchiveWriting, WaitsForAnotherWriterNoLongerThanUntilAStop) {
  const auto store = create();
  const std::string layer = noise(10'000, 1);
  const Descriptor blob = describe(media::oci_layer, layer);
  std::latch begun(2);
  std::latch ended(1);
  const Content slow = [&](const Call&, Sink& sink) {
    sink.write(bytes_of(layer));
    begun.count_down();
    ended.wait();
  };
  // One has the end of the file, the other the place of the blob.
  store->expect({}, std::span(&blob, 1));
  std::jthread adding([&] { store->add({}, media::oci_layer, slow); });
  std::jthread pushing([&] { store->push({}, blob, slow); });
  begun.wait();
  std::stop_source stop;
  const Call call{.stop = stop.get_token()};
  auto second_add = std::async(std::launch::async, [&] {
    return kind_thrown([&] { store->add(call, media::oci_layer, content_of("x")); });
  });
  auto second_push = std::async(std::launch::async, [&] {
    return kind_thrown([&] { store->push(call, blob, content_of(layer)); });
  });
  stop.request_stop();
  EXPECT_EQ(second_add.get(), ErrorKind::interrupted);
  EXPECT_EQ(second_push.get(), ErrorKind::interrupted);
  ended.count_down();
  adding.join();
  pushing.join();
  store->commit({});
  EXPECT_EQ(fetched(*open(), blob), layer);
}

TEST_F(ArchiveWriting, GivesTheSameBytesForAnyNumberOfJobs) {
  const auto source = make_memory_store("source");
  std::vector<Descriptor> manifests;
  for (unsigned i = 0; i < 6; ++i) {
    manifests.push_back(
        put_image(*source, {noise(50'000 + i, i), noise(200'000, 100 + i), "base"}).descriptor);
  }
  const Descriptor root = put_index(*source, manifests);
  std::vector<std::string> archives;
  for (const std::size_t jobs : {1u, 2u, 8u}) {
    const auto store = create();
    copy({}, *source, *store, root, {.tags = {"1"}, .jobs = jobs});
    store->commit({});
    archives.push_back(bytes());
    EXPECT_TRUE(is_complete(*open(), require({}, *open(), "1")));
  }
  EXPECT_EQ(archives[0], archives[1]);
  EXPECT_EQ(archives[0], archives[2]);
}

TEST_F(ArchiveWriting, KeepsBlobsOfSha512) {
  const std::string bytes_in = noise(1000, 1);
  const Descriptor blob{.media_type = std::string(media::oci_layer),
                        .digest = digest_of(bytes_of(bytes_in), DigestAlgorithm::sha512),
                        .size = bytes_in.size()};
  const auto store = create();
  store->push({}, blob, content_of(bytes_in));
  store->commit({});
  EXPECT_EQ(fetched(*open(), blob), bytes_in);
}

TEST_F(ArchiveWriting, IsSourceForAnotherStoreBeforeItsCommit) {
  const auto store = create();
  const TestImage image = put_image(*store, {noise(100'000, 1)});
  const auto other = make_memory_store("other");
  copy({}, *store, *other, *store->resolve({}, ""), {.tags = {"1"}});
  EXPECT_TRUE(is_complete(*other, image.descriptor));
}

TEST(OneBlockHeader, IsAHeaderOfAnySize) {
  for (const std::uint64_t size : {std::uint64_t{0}, std::uint64_t{1}, 8 * GiB - 1, 8 * GiB,
                                   8 * GiB + 1, std::uint64_t{1} << 62}) {
    const std::string header = one_block_header("blobs/sha256/x", size);
    ASSERT_EQ(header.size(), 512u);
    Listed listed;
    TarParser parser(listed, "tar");
    parser.write(bytes_of(header));
    ASSERT_EQ(listed.entries.size(), 1u);
    EXPECT_EQ(listed.entries[0].path, "blobs/sha256/x");
    EXPECT_EQ(listed.entries[0].size, size);
  }
}

/// Two images that share a layer, saved as a bundle is: what is to come is said first.
class LargeArchive : public ArchiveWriting {
 protected:
  void save(std::optional<std::uint64_t> volume_size = {}, std::size_t jobs = 4) {
    from_.asked.clear();
    const auto archive = open_archive({}, path_, OpenMode::create, ArchiveFormat::oci, volume_size);
    std::vector<Descriptor> blobs = image_.blobs;
    blobs.insert(blobs.end(), other_.blobs.begin(), other_.blobs.end());
    archive->expect({}, blobs);
    copy({}, from_, *archive, image_.descriptor, {.tags = {"1"}, .jobs = jobs});
    copy({}, from_, *archive, other_.descriptor, {.tags = {"2"}, .jobs = jobs});
    archive->commit({});
  }
  void break_off() {
    from_.breaks_after = 12 * MiB;
    EXPECT_EQ(kind_thrown([&] { save({}, 1); }), ErrorKind::unavailable);
    from_.breaks_after.reset();
  }
  fs::path part() const { return path_.native() + ".part"; }

  std::unique_ptr<Store> source_ = make_memory_store("source");
  TestImage image_ = put_image(*source_, {large_noise(), "small"});
  TestImage other_ = put_image(*source_, {large_noise(), noise(3'000'000, 2)});
  GivesParts from_{*source_};
};

TEST_F(LargeArchive, HasTheSameBytesInPartsAndAsAWhole) {
  save();
  const std::string in_parts = bytes();
  from_.gives = false;
  save();
  EXPECT_EQ(bytes(), in_parts);
  EXPECT_EQ(files(), 1);
  EXPECT_TRUE(is_complete(*open(), require({}, *open(), "2")));
}

TEST_F(LargeArchive, GoesOnWhereAnEarlierOneBrokeOff) {
  save();
  const std::string whole = bytes();
  fs::remove(path_);
  break_off();
  EXPECT_FALSE(fs::exists(path_));
  EXPECT_TRUE(fs::exists(part()));
  save();
  EXPECT_EQ(from_.bytes_asked(), large - 12 * MiB);
  EXPECT_EQ(bytes(), whole);
  EXPECT_EQ(files(), 1);
}

TEST_F(LargeArchive, KeepsSmallBlobsThatAreComplete) {
  {
    const auto archive = create();
    archive->expect({}, image_.blobs);
    archive->push({}, image_.blobs[2], content_of("small"));
  }
  const auto archive = create();
  archive->expect({}, image_.blobs);
  EXPECT_FALSE(archive->has({}, image_.blobs[2]));
  const auto assembly = archive->assemble({}, image_.blobs[2]);
  EXPECT_TRUE(assembly->missing().empty());
  EXPECT_TRUE(assembly->finish({}));
  EXPECT_EQ(fetched(*archive, image_.blobs[2]), "small");
}

TEST_F(LargeArchive, BeginsAnewForOtherContent) {
  break_off();
  other_ = put_image(*source_, {"other"});
  save();
  EXPECT_EQ(from_.bytes_asked(), large);
  EXPECT_EQ(files(), 1);
}

TEST_F(LargeArchive, IsReadFromVolumes) {
  save();
  const std::string whole = bytes();
  save(5 * MiB);
  EXPECT_EQ(files(), 4);
  EXPECT_TRUE(is_complete(*open(), require({}, *open(), "1")));
  std::string together;
  for (const char* end : {".001", ".002", ".003", ".004"}) {
    together += read_file(path_.native() + end, 1 * GiB);
  }
  EXPECT_EQ(together, whole);
}

TEST_F(LargeArchive, SaysThatTheLastVolumeMayBeMissing) {
  save(5 * MiB);
  fs::remove(path_.native() + ".004");
  try {
    open();
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::corrupt);
    EXPECT_THAT(error.hint(), testing::HasSubstr("image.tar.003"));
  }
}

TEST_F(LargeArchive, IsWrittenBesideAnotherWriterOfTheSame) {
  const auto other = create();
  other->expect({}, image_.blobs);
  save();
  EXPECT_TRUE(is_complete(*open(), require({}, *open(), "1")));
  EXPECT_EQ(kind_thrown([&] { save(5 * MiB); }, "another process"), ErrorKind::refused);
}

}  // namespace
}  // namespace davit::tests
