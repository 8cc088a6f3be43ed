#include "oci/store/assembly.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "oci/base/error.hpp"
#include "oci/store/copy.hpp"
#include "oci/store/layout.hpp"
#include "oci/store/memory.hpp"
#include "tests/oci/store/parts.hpp"
#include "tests/support/temp_dir.hpp"

namespace davit::tests {
namespace {

using namespace oci;
namespace fs = std::filesystem;

class Assembling : public testing::Test {
 protected:
  std::unique_ptr<Store> open() const { return open_layout({}, path_, OpenMode::create); }
  Content bytes_of_part(const Part& part) const {
    return content_of(bytes_.substr(part.offset, part.size));
  }
  std::size_t hidden_files() const {
    std::size_t count = 0;
    for (const auto& entry : fs::directory_iterator(path_)) {
      if (entry.path().filename().native().starts_with(".davit-")) ++count;
    }
    return count;
  }

  TempDir dir_;
  fs::path path_ = dir_ / "layout";
  std::string bytes_ = large_noise();
  Descriptor blob_ = describe(media::oci_layer, bytes_);
};

TEST_F(Assembling, TakesPartsInAnyOrder) {
  const auto store = open();
  auto assembly = store->assemble({}, blob_);
  ASSERT_EQ(assembly->missing().size(), 3u);
  for (const std::size_t i : {2, 0, 1}) {
    const Part part = assembly->missing()[i];
    assembly->write({}, part, bytes_of_part(part));
  }
  EXPECT_FALSE(store->has({}, blob_));
  EXPECT_TRUE(assembly->finish({}));
  assembly.reset();
  EXPECT_EQ(fetched(*store, blob_), bytes_);
  EXPECT_EQ(hidden_files(), 0u);
}

TEST_F(Assembling, GoesOnInTheMiddleOfAPart) {
  const auto cut = [&](const oci::Call&, oci::Sink& sink) {
    sink.write(oci::bytes_of(bytes_).first(3 * MiB));
    throw Error(ErrorKind::unavailable, "cut");
  };
  {
    auto assembly = open()->assemble({}, blob_);
    EXPECT_EQ(kind_thrown([&] { assembly->write({}, assembly->missing()[0], cut); }),
              ErrorKind::unavailable);
    assembly->write({}, assembly->missing()[2], bytes_of_part(assembly->missing()[2]));
  }
  const auto store = open();
  auto assembly = store->assemble({}, blob_);
  ASSERT_EQ(assembly->missing().size(), 2u);
  EXPECT_EQ(assembly->missing()[0].offset, 3 * MiB);
  EXPECT_EQ(assembly->missing()[1].offset, assembly_part_size);
  for (const Part& part : assembly->missing()) assembly->write({}, part, bytes_of_part(part));
  EXPECT_TRUE(assembly->finish({}));
  EXPECT_EQ(fetched(*store, blob_), bytes_);
}

TEST_F(Assembling, RefusesWhatHasAnotherDigest) {
  const auto store = open();
  {
    auto assembly = store->assemble({}, blob_);
    bytes_[5] ^= 1;
    for (const Part& part : assembly->missing()) assembly->write({}, part, bytes_of_part(part));
    EXPECT_EQ(kind_thrown([&] { assembly->finish({}); }, blob_.digest.str()), ErrorKind::corrupt);
  }
  EXPECT_FALSE(store->has({}, blob_));
  EXPECT_EQ(hidden_files(), 0u);
}

TEST_F(Assembling, RefusesPartsOfAnotherSize) {
  auto assembly = open()->assemble({}, blob_);
  const Part& part = assembly->missing()[0];
  EXPECT_EQ(kind_thrown([&] { assembly->write({}, part, content_of(bytes_)); }, "too long"),
            ErrorKind::corrupt);
  EXPECT_EQ(kind_thrown([&] { assembly->write({}, part, content_of("short")); }, "too short"),
            ErrorKind::corrupt);
}

TEST_F(Assembling, IsNotForWhatIsOnePart) {
  EXPECT_EQ(open()->assemble({}, describe(media::oci_layer, "small")), nullptr);
  blob_.size = assembly_part_size;
  EXPECT_EQ(open()->assemble({}, blob_), nullptr);
}

TEST_F(Assembling, IsNotForASizeThatNoDiskHas) {
  blob_.size = std::uint64_t{1} << 62;
  EXPECT_EQ(open()->assemble({}, blob_), nullptr);
}

TEST_F(Assembling, IsLeftToOneProcessAtATime) {
  const auto store = open();
  const auto first = store->assemble({}, blob_);
  EXPECT_NE(first, nullptr);
  EXPECT_EQ(store->assemble({}, blob_), nullptr);
}

TEST_F(Assembling, LeavesNothingWhereNothingCame) {
  open()->assemble({}, blob_);
  EXPECT_EQ(hidden_files(), 0u);
}

/// A copy of an image with one large layer, from a store that gives parts into a layout.
class CopyInParts : public Assembling {
 protected:
  CopyResult copy_once(Progress* progress = nullptr) {
    from_.asked.clear();
    from_.whole = 0;
    const auto to = open();
    return copy({.progress = progress}, from_, *to, image_.descriptor,
                {.tags = {"1"}, .jobs = jobs_});
  }
  void break_off() {
    from_.breaks_after = 12 * MiB;
    jobs_ = 1;  // Or a second part breaks off first.
    EXPECT_EQ(kind_thrown([&] { copy_once(); }), ErrorKind::unavailable);
    from_.breaks_after.reset();
  }
  bool is_there() const { return is_complete(*open(), image_.descriptor); }

  std::size_t jobs_ = 4;
  std::unique_ptr<Store> source_ = make_memory_store("source");
  TestImage image_ = put_image(*source_, {bytes_});
  GivesParts from_{*source_};
};

struct KeptBytes final : Progress {
  void update(const BlobEvent& event) override {
    if (event.state == BlobState::done && event.kept > 0) kept = event.kept;
  }
  std::atomic<std::uint64_t> kept = 0;
};

TEST_F(CopyInParts, BringsALargeBlobSo) {
  const CopyResult result = copy_once();
  EXPECT_TRUE(is_there());
  EXPECT_EQ(from_.asked.size(), 3u);
  EXPECT_EQ(from_.bytes_asked(), large);
  EXPECT_EQ(result.blobs_sent, 2u);
  EXPECT_EQ(result.bytes_sent, large + image_.blobs[0].size + image_.manifest.size());
}

TEST_F(CopyInParts, BringsTheWholeWhereAPartIsNotGiven) {
  from_.refuses_every = 3;
  const CopyResult result = copy_once();
  EXPECT_TRUE(is_there());
  EXPECT_EQ(from_.asked.size(), 3u);
  EXPECT_EQ(result.blobs_sent, 2u);
  EXPECT_EQ(hidden_files(), 0u);
}

TEST_F(CopyInParts, GoesOnWhereAnEarlierOneBrokeOff) {
  break_off();
  EXPECT_FALSE(open()->has({}, image_.blobs[1]));
  KeptBytes progress;
  copy_once(&progress);
  EXPECT_TRUE(is_there());
  EXPECT_EQ(from_.bytes_asked(), large - 12 * MiB);
  EXPECT_EQ(progress.kept, 12 * MiB);
  EXPECT_EQ(hidden_files(), 0u);
}

TEST_F(CopyInParts, BeginsAnewIfWhatWasKeptIsWrong) {
  break_off();
  for (const auto& entry : fs::directory_iterator(path_)) {
    if (entry.path().extension() != ".part") continue;
    const Fd file = open_file(entry.path(), O_WRONLY);
    write_all_at(file.get(), oci::bytes_of("spoilt"), 1000, "part");
  }
  copy_once();
  EXPECT_TRUE(is_there());
  EXPECT_EQ(from_.whole, 2);  // The layer and the manifest; the config had come.
  EXPECT_EQ(hidden_files(), 0u);
}

TEST_F(CopyInParts, BeginsAnewIfLessWasKeptThanTheMarksSay) {
  break_off();
  for (const auto& entry : fs::directory_iterator(path_)) {
    if (entry.path().extension() == ".part") fs::resize_file(entry.path(), 5 * MiB);
  }
  copy_once();
  EXPECT_TRUE(is_there());
  EXPECT_EQ(hidden_files(), 0u);
}

TEST_F(CopyInParts, BringsTheWholeFromAStoreThatGivesNone) {
  from_.gives = false;
  copy_once();
  EXPECT_TRUE(is_there());
  EXPECT_EQ(hidden_files(), 0u);
}

}  // namespace
}  // namespace davit::tests
