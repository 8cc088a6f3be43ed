#include "oci/store/plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "oci/model/json.hpp"
#include "oci/store/forwarding.hpp"
#include "oci/store/memory.hpp"
#include "oci/store/without.hpp"
#include "tests/oci/store/images.hpp"

namespace davit::tests {
namespace {

using namespace oci;
using testing::ElementsAre;
using testing::UnorderedElementsAre;

/// A store that notes what it was told to expect, and what was pushed before that.
class Expecting final : public ForwardingStore {
 public:
  explicit Expecting(Store& to) : ForwardingStore(to) {}
  void expect(const Call&, std::span<const Descriptor> content) override {
    for (const Descriptor& one : content) expected.push_back(one.digest);
  }
  void push(const Call& call, const Descriptor& descriptor, const Content& content) override {
    if (expected.empty()) ++pushed_before;
    ForwardingStore::push(call, descriptor, content);
  }
  std::vector<Digest> expected;
  std::size_t pushed_before = 0;
};

class PlanTest : public testing::Test {
 protected:
  /// Refers to a document, and says what it is itself.
  Descriptor put_referrer(const Descriptor& subject, const std::string& name) {
    TestImage image = make_image({name});
    put_image(*from_, {name}, Push::blobs);
    Manifest manifest = std::get<Manifest>(
        parse_document(image.descriptor.media_type, image.manifest, "a signature"));
    manifest.subject = subject;
    return put(*from_, media::oci_manifest, to_json(manifest));
  }

  std::unique_ptr<Store> from_ = make_memory_store("from");
  std::unique_ptr<Store> to_ = make_memory_store("to");
};

TEST_F(PlanTest, ExpectsTheBlobsOfAllRootsBeforeAnythingIsSent) {
  const TestImage one = put_image(*from_, {"shared", "one"});
  const TestImage two = put_image(*from_, {"shared", "two"});
  Expecting to(*to_);
  Plan plan(to, {});
  plan.add({}, *from_, one.descriptor, {"1"});
  plan.add({}, *from_, two.descriptor, {"2"});
  EXPECT_TRUE(to.expected.empty());
  plan.run({});
  EXPECT_EQ(to.pushed_before, 0u);
  for (const TestImage* image : {&one, &two}) {
    for (const Descriptor& blob : image->blobs) {
      EXPECT_THAT(to.expected, testing::Contains(blob.digest));
    }
    EXPECT_TRUE(is_complete(*to_, image->descriptor));
  }
  EXPECT_THAT(to_->tags({}), ElementsAre("1", "2"));
}

TEST_F(PlanTest, FindsWhatIsMissingBeforeAnythingIsSent) {
  const TestImage image = put_image(*from_, {"layer"});
  const Descriptor index = put_index(*from_, {image.descriptor, make_image({"absent"}).descriptor});
  Plan plan(*to_, {});
  EXPECT_EQ(kind_thrown([&] { plan.add({}, *from_, index, {"1"}); }), ErrorKind::not_found);
  EXPECT_FALSE(to_->has({}, image.blobs[0]));
}

TEST_F(PlanTest, LeavesOutWhatTheOtherSideHas) {
  const TestImage image = put_image(*from_, {"old", "new"});
  const std::set<Digest> known = {image.blobs[1].digest};
  const auto without = make_without(*to_, known);
  Expecting to(*without);
  Plan plan(to, {});
  plan.add({}, *from_, image.descriptor, {"1"});
  plan.run({});
  EXPECT_FALSE(to_->has({}, image.blobs[1]));
  EXPECT_TRUE(to_->has({}, image.blobs[2]));
  EXPECT_TRUE(without->has({}, image.blobs[1]));
}

TEST_F(PlanTest, TellsAStoreOfTheWantedBlobsAlone) {
  const TestImage image = put_image(*from_, {"old", "new"});
  const std::set<Digest> known = {image.blobs[1].digest};
  Expecting to(*to_);
  make_without(to, known)->expect({}, image.blobs);
  EXPECT_THAT(to.expected, ElementsAre(image.blobs[0].digest, image.blobs[2].digest));
}

TEST_F(PlanTest, FollowsWhatRefersToWhatRefers) {
  const TestImage image = put_image(*from_, {"layer"});
  const Descriptor signature = put_referrer(image.descriptor, "signature");
  const Descriptor bill = put_referrer(image.descriptor, "bill of materials");
  const Descriptor second = put_referrer(signature, "signature of the signature");
  std::vector<Digest> found;
  for (const Descriptor& one : all_referrers({}, *from_, image.descriptor.digest)) {
    found.push_back(one.digest);
  }
  EXPECT_THAT(found, UnorderedElementsAre(signature.digest, bill.digest, second.digest));
  EXPECT_EQ(found.back(), second.digest);
}

TEST_F(PlanTest, FollowsReferrersNoDeeperThanAnybodySigns) {
  Descriptor subject = put_image(*from_, {"layer"}).descriptor;
  const Digest root = subject.digest;
  for (int i = 0; i < 12; ++i) subject = put_referrer(subject, "signature " + std::to_string(i));
  EXPECT_EQ(all_referrers({}, *from_, root).size(), 8u);
}

}  // namespace
}  // namespace davit::tests
