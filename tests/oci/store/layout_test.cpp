#include "oci/store/layout.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "oci/base/file.hpp"
#include "oci/store/layout_index.hpp"
#include "tests/oci/store/images.hpp"
#include "tests/support/temp_dir.hpp"

namespace davit::tests {
namespace {

using namespace oci;
using testing::ElementsAre;
using testing::SizeIs;
using testing::UnorderedElementsAre;
namespace fs = std::filesystem;

class Layout : public testing::Test {
 protected:
  fs::path blob_path(const Descriptor& blob) const {
    return path_ / "blobs" / std::string(blob.digest.algorithm_name()) /
           std::string(blob.digest.hex());
  }
  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(path_))
      names.push_back(entry.path().filename());
    return names;
  }
  std::unique_ptr<Store> open(OpenMode mode = OpenMode::existing) const {
    return open_layout({}, path_, mode);
  }

  TempDir dir_;
  fs::path path_ = dir_ / "layout";
};

TEST_F(Layout, IsMadeWithTheDirectoriesAboveIt) {
  path_ = dir_ / "a" / "b";
  open(OpenMode::create);
  EXPECT_THAT(files(), UnorderedElementsAre("oci-layout", "index.json", "blobs", ".davit.lock"));
  EXPECT_EQ(read_file(path_ / "oci-layout", 100), R"({"imageLayoutVersion":"1.0.0"})");
  EXPECT_TRUE(fs::is_directory(path_ / "blobs" / "sha256"));
  EXPECT_TRUE(parse_layout_index(read_file(path_ / "index.json", 1000), "").manifests.empty());
}

TEST_F(Layout, IsTakenAsItIsWhenItExists) {
  const TestImage image = put_image(*open(OpenMode::create), {"layer"});
  EXPECT_EQ(open(OpenMode::create)->resolve({}, "")->digest, image.descriptor.digest);
}

TEST_F(Layout, IsMadeInADirectoryThatIsEmpty) {
  fs::create_directory(path_);
  EXPECT_NO_THROW(open(OpenMode::create));
}

TEST_F(Layout, IsNotMadeAmongOtherFiles) {
  write_file(path_ / "thesis.txt", "important");
  EXPECT_EQ(kind_thrown([&] { open(OpenMode::create); }, "thesis.txt"), ErrorKind::refused);
  EXPECT_THAT(files(), ElementsAre("thesis.txt"));
}

TEST_F(Layout, HasNoBlobThatIsDamagedUntilItIsWrittenAnew) {
  const std::string layer = noise(100'000, 1);
  const TestImage image = put_image(*open(OpenMode::create), {layer});
  const Descriptor& blob = image.blobs[1];
  const std::vector<std::function<void()>> damages = {
      [&] { write_file(blob_path(blob), noise(100'000, 2)); },
      [&] { write_file(blob_path(blob), "short"); },
      [&] { fs::remove(blob_path(blob)); },
      [&] {
        fs::rename(blob_path(blob), path_ / "elsewhere");
        fs::create_symlink(path_ / "elsewhere", blob_path(blob));
      },
  };
  for (const auto& damage : damages) {
    damage();
    const auto store = open();
    EXPECT_FALSE(store->has({}, blob));
    store->push({}, blob, content_of(layer));
    EXPECT_TRUE(store->has({}, blob));
    EXPECT_EQ(fetched(*open(), blob), layer);
  }
}

TEST_F(Layout, LooksAtABlobThatItHasVerifiedNoMore) {
  const std::string layer = noise(100'000, 1);
  const TestImage image = put_image(*open(OpenMode::create), {layer});
  const auto store = open();
  EXPECT_TRUE(store->has({}, image.blobs[1]));
  write_file(blob_path(image.blobs[1]), noise(100'000, 2));
  EXPECT_TRUE(store->has({}, image.blobs[1]));
  EXPECT_FALSE(open()->has({}, image.blobs[1]));
}

TEST_F(Layout, ReadsNoBlobAfterAStop) {
  const TestImage image = put_image(*open(OpenMode::create), {"layer"});
  std::stop_source stop;
  stop.request_stop();
  const Call stopped{.stop = stop.get_token()};
  NullSink nowhere;
  EXPECT_EQ(kind_thrown([&] { open()->has(stopped, image.blobs[1]); }), ErrorKind::interrupted);
  EXPECT_EQ(kind_thrown([&] { open()->fetch(stopped, image.blobs[1], nowhere); }),
            ErrorKind::interrupted);
}

TEST_F(Layout, TakesAnIndexAnewThatIsDamaged) {
  const auto store = open(OpenMode::create);
  const TestImage image = put_image(*store, {"layer"});
  const Descriptor index = put_index(*store, {image.descriptor});
  const std::string bytes = fetched(*store, index);
  write_file(blob_path(index), std::string(bytes.size(), ' '));
  const auto mending = open();
  mending->push({}, image.descriptor, content_of(image.manifest));
  mending->push({}, index, content_of(bytes));
  EXPECT_EQ(fetched(*open(), index), bytes);
}

TEST_F(Layout, ThatIsMissingIsNotFound) {
  EXPECT_EQ(kind_thrown([&] { open(); }, path_.native()), ErrorKind::not_found);
}

TEST_F(Layout, ThatIsAFileIsAnError) {
  write_file(path_, "a file");
  for (const OpenMode mode : {OpenMode::existing, OpenMode::create}) {
    EXPECT_EQ(kind_thrown([&] { open(mode); }, "is not a directory"), ErrorKind::failed);
  }
}

TEST_F(Layout, BelowAFileCannotBeMade) {
  write_file(path_, "a file");
  path_ /= "below";
  EXPECT_EQ(kind_thrown([&] { open(OpenMode::create); }, path_.native()), ErrorKind::not_found);
}

TEST_F(Layout, ThatIsNoneIsCorrupt) {
  write_file(path_ / "etc" / "passwd", "root");
  EXPECT_EQ(kind_thrown([&] { open(); }, "no file oci-layout"), ErrorKind::corrupt);
}

TEST_F(Layout, OfAnotherVersionIsCorrupt) {
  open(OpenMode::create);
  write_file(path_ / "oci-layout", R"({"imageLayoutVersion":"1.1.0"})");
  EXPECT_EQ(kind_thrown([&] { open(); }, "1.1.0"), ErrorKind::corrupt);
}

TEST_F(Layout, WithoutIndexIsCorrupt) {
  open(OpenMode::create);
  fs::remove(path_ / "index.json");
  EXPECT_EQ(kind_thrown([&] { open()->resolve({}, ""); }, "index.json is missing"),
            ErrorKind::corrupt);
}

TEST_F(Layout, WithAnIndexTooLargeIsCorrupt) {
  open(OpenMode::create);
  write_file(path_ / "index.json", std::string(document_limit + 1, ' '));
  EXPECT_EQ(kind_thrown([&] { open()->resolve({}, ""); }, "index.json"), ErrorKind::corrupt);
}

TEST_F(Layout, LeavesNothingBesideItsFilesAfterAFailure) {
  const auto store = open(OpenMode::create);
  const Descriptor blob = describe(media::oci_layer, "expected");
  EXPECT_EQ(kind_thrown([&] { store->push({}, blob, content_of("received")); }),
            ErrorKind::corrupt);
  EXPECT_THAT(files(), UnorderedElementsAre("oci-layout", "index.json", "blobs", ".davit.lock"));
  EXPECT_TRUE(fs::is_empty(path_ / "blobs" / "sha256"));
}

TEST_F(Layout, RemovesTemporaryFilesOfAWeekAgoOnly) {
  open(OpenMode::create);
  write_file(path_ / ".davit-abcdef", "killed long ago");
  write_file(path_ / ".davit-ghijkl", "at work");
  fs::last_write_time(path_ / ".davit-abcdef",
                      fs::file_time_type::clock::now() - std::chrono::hours(7 * 24 + 1));
  open(OpenMode::create);
  EXPECT_FALSE(fs::exists(path_ / ".davit-abcdef"));
  EXPECT_TRUE(fs::exists(path_ / ".davit-ghijkl"));
}

TEST_F(Layout, KeepsBlobsOfWhatIsRemoved) {
  const auto store = open(OpenMode::create);
  const TestImage image = put_image(*store, {"layer"});
  store->remove({}, image.descriptor.digest.str());
  EXPECT_TRUE(store->has({}, image.descriptor));
  EXPECT_TRUE(store->has({}, image.blobs[1]));
}

TEST_F(Layout, NamesABlobThatIsMissing) {
  const auto store = open(OpenMode::create);
  const TestImage image = put_image(*store, {"layer"});
  fs::remove(blob_path(image.blobs[1]));
  EXPECT_EQ(kind_thrown([&] { fetched(*store, image.blobs[1]); }, image.blobs[1].digest.str()),
            ErrorKind::not_found);
}

TEST_F(Layout, NamesABlobThatWasChanged) {
  const auto store = open(OpenMode::create);
  const Descriptor blob = put(*store, media::oci_layer, "original");
  write_file(blob_path(blob), "0riginal");
  EXPECT_EQ(kind_thrown([&] { fetched(*store, blob); }, blob.digest.str()), ErrorKind::corrupt);
}

TEST_F(Layout, ReplacesABlobThatWasCutShort) {
  const auto store = open(OpenMode::create);
  const Descriptor blob = put(*store, media::oci_layer, "original");
  write_file(blob_path(blob), "orig");
  EXPECT_FALSE(store->has({}, blob));
  store->push({}, blob, content_of("original"));
  EXPECT_EQ(fetched(*store, blob), "original");
}

TEST_F(Layout, DoesNotFollowABlobThatIsASymbolicLink) {
  const auto store = open(OpenMode::create);
  const Descriptor blob = describe(media::oci_layer, "secret");
  write_file(dir_ / "secret", "secret");
  fs::create_symlink(dir_ / "secret", blob_path(blob));
  EXPECT_EQ(kind_thrown([&] { fetched(*store, blob); }, "symbolic link"), ErrorKind::corrupt);
}

TEST_F(Layout, DoesNotFollowDirectoriesThatAreSymbolicLinks) {
  const auto store = open(OpenMode::create);
  const Descriptor blob = describe(media::oci_layer, "secret");
  fs::create_directory(dir_ / "elsewhere");
  fs::remove(path_ / "blobs" / "sha256");
  fs::create_directory_symlink(dir_ / "elsewhere", path_ / "blobs" / "sha256");
  EXPECT_EQ(kind_thrown([&] { store->push({}, blob, content_of("secret")); }, "symbolic link"),
            ErrorKind::corrupt);
  EXPECT_EQ(
      kind_thrown([&] { store->add({}, media::oci_layer, content_of("secret")); }, "symbolic link"),
      ErrorKind::corrupt);
  EXPECT_TRUE(fs::is_empty(dir_ / "elsewhere"));
}

TEST_F(Layout, DoesNotFollowFilesOfItsOwnThatAreSymbolicLinks) {
  for (const char* name : {"index.json", "oci-layout", ".davit.lock"}) {
    path_ = dir_ / (std::string("with-") + name);
    put_image(*open(OpenMode::create), {"layer"});
    fs::rename(path_ / name, dir_ / name);
    fs::create_symlink(dir_ / name, path_ / name);
    EXPECT_EQ(kind_thrown([&] { put_image(*open(), {"other"}); }, "symbolic link"),
              ErrorKind::corrupt)
        << name;
  }
}

TEST_F(Layout, DoesNotWaitForAFifo) {
  const auto store = open(OpenMode::create);
  const Descriptor blob = describe(media::oci_layer, "never");
  ASSERT_EQ(::mkfifo(blob_path(blob).c_str(), 0600), 0);
  EXPECT_EQ(kind_thrown([&] { fetched(*store, blob); }, "not a regular file"), ErrorKind::corrupt);
}

TEST_F(Layout, ReadsEntriesWithoutAMediaType) {
  const auto store = open(OpenMode::create);
  const TestImage image = put_image(*store, {"layer"});
  write_file(path_ / "index.json", R"({"schemaVersion":2,"manifests":[{"digest":")" +
                                       image.descriptor.digest.str() + R"(","size":)" +
                                       std::to_string(image.descriptor.size) + "}]}");
  EXPECT_EQ(store->resolve({}, "")->media_type, media::oci_manifest);
}

TEST_F(Layout, ResolvesInAnIndexWhoseOtherManifestsAreMissing) {
  const auto store = open(OpenMode::create);
  const TestImage here = put_image(*store, {"here"});
  const TestImage missing = make_image({"missing"});
  put_index(*store, {missing.descriptor, here.descriptor});
  EXPECT_TRUE(store->resolve({}, here.descriptor.digest.str()));
  EXPECT_THAT(store->referrers({}, here.descriptor.digest), SizeIs(0));
}

TEST_F(Layout, IsReadWithoutPermissionToWrite) {
  const TestImage image = put_image(*open(OpenMode::create), {"layer"});
  fs::remove(path_ / ".davit.lock");
  fs::permissions(path_, fs::perms::owner_read | fs::perms::owner_exec);
  EXPECT_TRUE(is_complete(*open(), *open()->resolve({}, "")));
  fs::permissions(path_, fs::perms::owner_all);
  EXPECT_FALSE(fs::exists(path_ / ".davit.lock"));
}

TEST_F(Layout, LosesNoTagOfThreadsWithStoresOfTheirOwn) {
  constexpr int writers = 4;
  constexpr int tags = 10;
  std::vector<std::jthread> threads;
  for (int writer = 0; writer < writers; ++writer) {
    threads.emplace_back([this, writer] {
      const auto store = open(OpenMode::create);
      const TestImage image = put_image(*store, {"layer " + std::to_string(writer)}, Push::blobs);
      for (int i = 0; i < tags; ++i) {
        store->tag({}, image.descriptor, content_of(image.manifest),
                   std::to_string(writer) + "." + std::to_string(i));
      }
    });
  }
  threads.clear();
  EXPECT_THAT(open()->tags({}), SizeIs(writers * tags));
}

TEST_F(Layout, LosesNoTagOfTwoProcesses) {
  constexpr int tags = 25;
  std::vector<pid_t> children;
  for (const char* name : {"a", "b"}) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      try {
        const auto store = open(OpenMode::create);
        const TestImage image = put_image(*store, {name}, Push::blobs);
        for (int i = 0; i < tags; ++i) {
          store->tag({}, image.descriptor, content_of(image.manifest), name + std::to_string(i));
        }
      } catch (...) {
        ::_exit(1);
      }
      ::_exit(0);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  EXPECT_THAT(open()->tags({}), SizeIs(2 * tags));
}

}  // namespace
}  // namespace davit::tests
