#include "oci/store/copy.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <mutex>

#include "oci/store/forwarding.hpp"
#include "oci/store/layout.hpp"
#include "oci/store/memory.hpp"
#include "tests/oci/store/images.hpp"
#include "tests/support/temp_dir.hpp"

namespace davit::tests {
namespace {

using namespace oci;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAreArray;

/// A store that counts what it is asked for, and fails when told to.
class Watched final : public ForwardingStore {
 public:
  explicit Watched(Store& store) : ForwardingStore(store) {}

  void fetch(const Call& call, const Descriptor& content, Sink& into) override {
    note(fetched, content);
    FunctionSink cut([&](Bytes bytes) {
      for (; bytes.size() > piece; bytes = bytes.subspan(piece)) into.write(bytes.first(piece));
      into.write(bytes);
    });
    to().fetch(call, content, cut);
  }
  void push(const Call& call, const Descriptor& descriptor, const Content& content) override {
    note(pushed, descriptor);
    if (is_failing(descriptor)) {
      // As a connection does that is cut: some of the content has been taken.
      NullSink nowhere;
      content(call, nowhere);
      throw Error(ErrorKind::unavailable, "the connection was cut");
    }
    to().push(call, descriptor, content);
  }
  void tag(const Call& call, const Descriptor& descriptor, const Content& document,
           std::string_view tag) override {
    note(pushed, descriptor);
    to().tag(call, descriptor, document, tag);
  }
  bool keeps_references() const override { return keeps; }
  std::optional<MountSource> mount_source() const override {
    return MountSource{"https://registry.example", "source"};
  }
  bool mount(const Call& call, const Descriptor& descriptor, const MountSource& from) override {
    if (mounts == nullptr || from.repository != "source") return false;
    to().push(call, descriptor, content_in(*mounts, descriptor));
    return true;
  }
  void expect(const Call& call, std::span<const Descriptor> content) override {
    for (const Descriptor& descriptor : content) expected.push_back(descriptor.digest.str());
    to().expect(call, content);
  }

  std::vector<std::string> fetched;
  std::vector<std::string> pushed;
  std::vector<std::string> expected;
  std::optional<Digest> fails_at;
  Store* mounts = nullptr;       ///< where what is mounted comes from
  bool keeps = true;             ///< as a registry does
  std::size_t piece = 64 * KiB;  ///< the most that one write passes on

 private:
  void note(std::vector<std::string>& list, const Descriptor& descriptor) {
    const std::lock_guard lock(mutex_);
    list.push_back(descriptor.digest.str());
  }
  bool is_failing(const Descriptor& descriptor) const { return fails_at == descriptor.digest; }

  std::mutex mutex_;
};

/// Keeps every event of every blob.
struct Record final : Progress {
  void update(const BlobEvent& event) override {
    const std::lock_guard lock(mutex);
    events[event.id].push_back(event);
  }
  std::vector<BlobState> states(const Descriptor& descriptor) {
    std::vector<BlobState> states;
    for (const BlobEvent& event : events[descriptor.digest.str()]) {
      if (states.empty() || states.back() != event.state) states.push_back(event.state);
    }
    return states;
  }
  std::mutex mutex;
  std::map<std::string, std::vector<BlobEvent>> events;
};

class CopyBetweenStores : public testing::Test {
 protected:
  std::unique_ptr<Store> source_ = make_memory_store("source");
  std::unique_ptr<Store> target_ = make_memory_store("target");
  Watched from_{*source_};
  Watched to_{*target_};
};

TEST_F(CopyBetweenStores, BringsAnImageUnderItsTags) {
  const TestImage image = put_image(*source_, {noise(2'000'000, 1), "small"});
  const CopyResult result = copy({}, from_, to_, image.descriptor, {.tags = {"1.2", "latest"}});
  EXPECT_TRUE(is_complete(*target_, image.descriptor));
  EXPECT_THAT(target_->tags({}), ElementsAre("1.2", "latest"));
  EXPECT_EQ(fetched(*target_, *target_->resolve({}, "1.2")), image.manifest);
  EXPECT_EQ(result.blobs_sent, 3u);
  EXPECT_EQ(result.documents_sent, 1u);
  EXPECT_EQ(result.bytes_sent, 2'000'000 + 5 + image.blobs[0].size + image.manifest.size());
}

TEST_F(CopyBetweenStores, BringsAnImageWithoutATag) {
  const TestImage image = put_image(*source_, {"layer"});
  copy({}, from_, to_, image.descriptor);
  EXPECT_EQ(target_->resolve({}, "")->digest, image.descriptor.digest);
  EXPECT_THAT(target_->tags({}), IsEmpty());
}

TEST_F(CopyBetweenStores, BringsAWholeIndexVerbatim) {
  const TestImage one = put_image(*source_, {"base", "one"});
  const TestImage two = put_image(*source_, {"base", "two"});
  const std::string spaced = "  " +
                             to_json(Index{.media_type = std::string(media::oci_index),
                                           .manifests = {one.descriptor, two.descriptor}}) +
                             "\n";
  const Descriptor index = put(*source_, media::oci_index, spaced);
  copy({}, from_, to_, index, {.tags = {"1"}});
  EXPECT_TRUE(is_complete(*target_, index));
  EXPECT_EQ(fetched(*target_, index), spaced);
  EXPECT_EQ(target_->resolve({}, "")->digest, index.digest);
}

TEST_F(CopyBetweenStores, BringsDocumentsOfTypesItDoesNotKnow) {
  const Descriptor unknown = put(*source_, "application/vnd.example+json", "anything");
  const Descriptor index = put_index(*source_, {unknown});
  copy({}, from_, to_, index);
  EXPECT_EQ(fetched(*target_, unknown), "anything");
}

TEST_F(CopyBetweenStores, PutsBlobsFirstThenChildrenThenTheRoot) {
  const TestImage one = put_image(*source_, {"one"});
  const TestImage two = put_image(*source_, {"two"});
  const Descriptor index = put_index(*source_, {one.descriptor, two.descriptor});
  copy({}, from_, to_, index, {.tags = {"1"}});
  ASSERT_EQ(to_.pushed.size(), 7u);
  EXPECT_THAT(
      std::vector(to_.pushed.end() - 3, to_.pushed.end()),
      ElementsAre(one.descriptor.digest.str(), two.descriptor.digest.str(), index.digest.str()));
}

TEST_F(CopyBetweenStores, SendsTheLargestBlobFirst) {
  const TestImage image = put_image(*source_, {"s", noise(5000, 1), noise(9000, 2)});
  copy({}, from_, to_, image.descriptor, {.jobs = 1});
  EXPECT_THAT(to_.pushed, ElementsAre(image.blobs[3].digest.str(), image.blobs[2].digest.str(),
                                      image.blobs[0].digest.str(), image.blobs[1].digest.str(),
                                      image.descriptor.digest.str()));
}

TEST_F(CopyBetweenStores, SaysWhatIsComingInTheOrderOfTheImage) {
  const TestImage image = put_image(*source_, {"s", noise(5000, 1), noise(9000, 2)});
  copy({}, from_, to_, image.descriptor);
  EXPECT_THAT(to_.expected, ElementsAre(image.blobs[0].digest.str(), image.blobs[1].digest.str(),
                                        image.blobs[2].digest.str(), image.blobs[3].digest.str()));
}

TEST_F(CopyBetweenStores, DoesNotSendWhatIsThere) {
  const TestImage image = put_image(*source_, {"base", "new"});
  put(*target_, media::oci_layer, "base");
  const CopyResult result = copy({}, from_, to_, image.descriptor);
  EXPECT_EQ(result.blobs_present, 1u);
  EXPECT_EQ(result.blobs_sent, 2u);
  EXPECT_THAT(to_.pushed, testing::Not(testing::Contains(image.blobs[1].digest.str())));
}

TEST_F(CopyBetweenStores, MovesOnlyTagsWhenTheRootIsThere) {
  const TestImage image = put_image(*source_, {"layer"});
  copy({}, from_, to_, image.descriptor, {.tags = {"1"}});
  from_.fetched.clear();
  to_.pushed.clear();
  const CopyResult result = copy({}, from_, to_, image.descriptor, {.tags = {"2"}});
  EXPECT_THAT(from_.fetched, ElementsAre(image.descriptor.digest.str()));
  EXPECT_THAT(to_.pushed, ElementsAre(image.descriptor.digest.str()));
  EXPECT_THAT(target_->tags({}), ElementsAre("1", "2"));
  EXPECT_EQ(result.bytes_sent, 0u);
  EXPECT_EQ(result.documents_present, 1u);
}

TEST_F(CopyBetweenStores, BringsWhatADocumentThatIsThereLacks) {
  const TestImage image = put_image(*source_, {"layer"});
  to_.keeps = false;
  // As files in a directory may have gone: the manifest is there, and its blobs are not.
  to_.push({}, image.descriptor, content_in(*source_, image.descriptor));
  const CopyResult result = copy({}, from_, to_, image.descriptor, {.tags = {"1"}});
  EXPECT_EQ(result.documents_present, 1u);
  EXPECT_EQ(result.blobs_sent, 2u);
  EXPECT_TRUE(is_complete(*target_, image.descriptor));
}

TEST_F(CopyBetweenStores, SendsAllAgainWhereWhatIsThereIsNotTrusted) {
  const TestImage image = put_image(*source_, {"layer"});
  copy({}, from_, to_, image.descriptor, {.tags = {"1"}});
  to_.pushed.clear();
  copy({}, from_, to_, image.descriptor, {.tags = {"1"}, .present = Present::sent_again});
  EXPECT_THAT(to_.pushed, testing::UnorderedElementsAre(image.blobs[0].digest.str(),
                                                        image.blobs[1].digest.str(),
                                                        image.descriptor.digest.str()));
}

TEST_F(CopyBetweenStores, DoesNotReadAgainTheChildrenThatAreThere) {
  const TestImage one = put_image(*source_, {"one"});
  const TestImage two = put_image(*source_, {"two"});
  copy({}, from_, to_, one.descriptor);
  from_.fetched.clear();
  const Descriptor index = put_index(*source_, {one.descriptor, two.descriptor});
  const CopyResult result = copy({}, from_, to_, index, {.tags = {"1"}});
  EXPECT_EQ(result.documents_present, 1u);
  EXPECT_EQ(result.documents_sent, 2u);
  EXPECT_THAT(from_.fetched,
              UnorderedElementsAreArray({index.digest.str(), two.descriptor.digest.str(),
                                         two.blobs[0].digest.str(), two.blobs[1].digest.str()}));
  EXPECT_TRUE(is_complete(*target_, index));
}

TEST_F(CopyBetweenStores, MountsWhereItCan) {
  const TestImage image = put_image(*source_, {"layer"});
  to_.mounts = &from_;
  const CopyResult result = copy({}, from_, to_, image.descriptor);
  EXPECT_EQ(result.blobs_mounted, 2u);
  EXPECT_EQ(result.blobs_sent, 0u);
  EXPECT_THAT(to_.pushed, ElementsAre(image.descriptor.digest.str()));
}

TEST_F(CopyBetweenStores, TellsWhatHappensToEveryBlob) {
  const TestImage image = put_image(*source_, {"present", noise(100'000, 1)});
  put(*target_, media::oci_layer, "present");
  Record record;
  copy({.progress = &record}, from_, to_, image.descriptor, {.tags = {"1"}});
  using enum BlobState;
  EXPECT_THAT(record.states(image.blobs[0]), ElementsAre(waiting, checking, copying, done));
  EXPECT_THAT(record.states(image.blobs[1]), ElementsAre(waiting, checking, exists));
  EXPECT_THAT(record.states(image.blobs[2]), ElementsAre(waiting, checking, copying, done));
  EXPECT_THAT(record.states(image.descriptor), ElementsAre(waiting, copying, done));
  const BlobEvent& last = record.events[image.blobs[2].digest.str()].back();
  EXPECT_EQ(last.bytes, 100'000u);
  EXPECT_EQ(last.total, 100'000u);
  EXPECT_EQ(last.kind, "layer");
}

TEST_F(CopyBetweenStores, TellsWhatIsSkippedOrThere) {
  const Descriptor config = put(*source_, media::oci_config, "{}");
  const Descriptor foreign =
      describe("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "elsewhere");
  const std::string manifest = to_json(Manifest{
      .media_type = std::string(media::oci_manifest), .config = config, .layers = {foreign}});
  const Descriptor root = put(*source_, media::oci_manifest, manifest);
  Record record;
  const CopyResult result = copy({.progress = &record}, from_, to_, root);
  EXPECT_EQ(result.blobs_skipped, 1u);
  EXPECT_THAT(record.states(foreign), ElementsAre(BlobState::skipped));
  copy({.progress = &record}, from_, to_, root);
  EXPECT_EQ(record.states(root).back(), BlobState::exists);
}

TEST_F(CopyBetweenStores, MovesNoTagWhicheverBlobFails) {
  const TestImage image = put_image(*source_, {"one", "two", "three"});
  for (const Descriptor& blob : image.blobs) {
    const auto target = make_memory_store("target");
    const TestImage before = put_image(*target, {"before"});
    target->tag({}, before.descriptor, content_of(before.manifest), "latest");
    Watched to(*target);
    to.fails_at = blob.digest;
    Record record;
    EXPECT_EQ(
        kind_thrown(
            [&] { copy({.progress = &record}, from_, to, image.descriptor, {.tags = {"latest"}}); },
            "cut"),
        ErrorKind::unavailable);
    EXPECT_EQ(record.states(blob).back(), BlobState::failed);
    EXPECT_EQ(target->resolve({}, "latest")->digest, before.descriptor.digest);
    EXPECT_FALSE(target->has({}, image.descriptor));
    EXPECT_TRUE(is_complete(*target, before.descriptor));
  }
}

TEST_F(CopyBetweenStores, GoesOnAfterAFailureWithWhatIsMissing) {
  const TestImage image = put_image(*source_, {noise(3000, 1), noise(2000, 2), noise(1000, 3)});
  to_.fails_at = image.blobs[2].digest;
  EXPECT_EQ(kind_thrown([&] { copy({}, from_, to_, image.descriptor, {.jobs = 1}); }),
            ErrorKind::unavailable);
  to_.fails_at.reset();
  to_.pushed.clear();
  const CopyResult result = copy({}, from_, to_, image.descriptor, {.tags = {"1"}, .jobs = 1});
  EXPECT_EQ(result.blobs_present, 1u);
  EXPECT_THAT(to_.pushed, ElementsAre(image.blobs[2].digest.str(), image.blobs[3].digest.str(),
                                      image.blobs[0].digest.str(), image.descriptor.digest.str()));
  EXPECT_TRUE(is_complete(*target_, image.descriptor));
}

TEST_F(CopyBetweenStores, MovesNoTagWhenADocumentFails) {
  const TestImage one = put_image(*source_, {"one"});
  const TestImage two = put_image(*source_, {"two"});
  const Descriptor index = put_index(*source_, {one.descriptor, two.descriptor});
  to_.fails_at = two.descriptor.digest;
  EXPECT_EQ(kind_thrown([&] { copy({}, from_, to_, index, {.tags = {"1"}}); }, "cut"),
            ErrorKind::unavailable);
  EXPECT_FALSE(target_->resolve({}, "1"));
  EXPECT_TRUE(is_complete(*target_, one.descriptor));
  to_.fails_at.reset();
  copy({}, from_, to_, index, {.tags = {"1"}});
  EXPECT_TRUE(is_complete(*target_, *target_->resolve({}, "1")));
}

TEST_F(CopyBetweenStores, SendsNothingWhenTheSourceLacksAManifest) {
  const TestImage one = put_image(*source_, {"one"});
  const TestImage missing = make_image({"missing"});
  const Descriptor index = put_index(*source_, {one.descriptor, missing.descriptor});
  EXPECT_EQ(kind_thrown([&] { copy({}, from_, to_, index); }, missing.descriptor.digest.str()),
            ErrorKind::not_found);
  EXPECT_THAT(to_.pushed, IsEmpty());
}

TEST_F(CopyBetweenStores, NamesALayerTheSourceLacks) {
  const TestImage image = make_image({"layer"});
  put(*source_, media::oci_manifest, image.manifest);
  EXPECT_EQ(kind_thrown([&] { copy({}, from_, to_, image.descriptor, {.tags = {"1"}}); }, "source"),
            ErrorKind::not_found);
  EXPECT_FALSE(target_->resolve({}, "1"));
}

TEST_F(CopyBetweenStores, StopsInTheMiddleOfABlob) {
  const TestImage image = put_image(*source_, {"layer"});
  std::stop_source stop;
  struct StopAtFirstByte final : Progress {
    explicit StopAtFirstByte(std::stop_source& source) : stop_source(source) {}
    void update(const BlobEvent& event) override {
      if (event.bytes > 0) stop_source.request_stop();
      moved += event.bytes;
    }
    std::stop_source& stop_source;
    std::uint64_t moved = 0;
  } progress{stop};
  from_.piece = 1;
  EXPECT_EQ(kind_thrown([&] {
              copy({stop.get_token(), &progress}, from_, to_, image.descriptor, {.jobs = 1});
            }),
            ErrorKind::interrupted);
  EXPECT_EQ(progress.moved, 1u);
}

TEST_F(CopyBetweenStores, DoesNothingAfterAStop) {
  const TestImage image = put_image(*source_, {"layer"});
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(kind_thrown([&] {
              copy({.stop = stop.get_token()}, from_, to_, image.descriptor, {.tags = {"1"}});
            }),
            ErrorKind::interrupted);
  EXPECT_THAT(to_.pushed, IsEmpty());
}

TEST(Copy, TakesALayoutToALayoutUnchanged) {
  const TempDir dir;
  const auto from = open_layout({}, dir / "from", OpenMode::create);
  const auto to = open_layout({}, dir / "to", OpenMode::create);
  const TestImage one = put_image(*from, {noise(3'000'000, 1), "small"});
  const TestImage two = put_image(*from, {noise(1'000'000, 2), "small"});
  const Descriptor index = put_index(*from, {one.descriptor, two.descriptor});
  from->tag({}, index, content_in(*from, index), "docker.io/library/x:1");
  copy({}, *from, *to, require({}, *from, "1"), {.tags = {"2"}});
  EXPECT_TRUE(is_complete(*to, require({}, *to, "2")));
  EXPECT_THAT(to->tags({}), ElementsAre("2"));
  EXPECT_EQ(to->resolve({}, "")->digest, index.digest);
}

TEST(Copy, GivesTagsWithinOneStore) {
  const auto store = make_memory_store("memory");
  const TestImage image = put_image(*store, {"layer"});
  copy({}, *store, *store, image.descriptor, {.tags = {"1", "2"}});
  EXPECT_THAT(store->tags({}), ElementsAre("1", "2"));
}

}  // namespace
}  // namespace davit::tests
