#include "transport/ecr/store.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "oci/store/forwarding.hpp"
#include "oci/store/memory.hpp"
#include "tests/support/fake_ecr.hpp"

namespace davit::transport::ecr {
namespace {

using oci::Descriptor;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using tests::FakeEcr;

/// A registry that counts how often it is asked for one blob.
class Counting final : public oci::ForwardingStore {
 public:
  explicit Counting(std::unique_ptr<oci::Store> store)
      : ForwardingStore(*store), store_(std::move(store)) {}

  bool has(const oci::Call& call, const Descriptor& content) override {
    ++asked;
    return to().has(call, content);
  }
  int asked = 0;

 private:
  const std::unique_ptr<oci::Store> store_;
};

class EcrStoreTest : public testing::Test {
 protected:
  EcrStoreTest() {
    auto registry = std::make_unique<Counting>(oci::make_memory_store("registry/app"));
    counting = registry.get();
    store = make_store(std::move(registry), ecr.access(), ecr.place.host, "app");
  }

  static Descriptor blob(const std::string& text) {
    return oci::describe(oci::media::oci_layer, text);
  }

  /// What the service says of each of these.
  static std::string availability(const std::vector<Descriptor>& blobs, const std::string& state) {
    std::string layers;
    for (const Descriptor& one : blobs) {
      layers += fmt::format(R"({}{{"layerDigest":"{}","layerAvailability":"{}"}})",
                            layers.empty() ? "" : ",", one.digest.str(), state);
    }
    return R"({"layers":[)" + layers + "]}";
  }

  FakeEcr ecr;
  Counting* counting = nullptr;
  std::unique_ptr<oci::Store> store;
  const std::vector<Descriptor> blobs = {blob("a"), blob("b")};
};

TEST_F(EcrStoreTest, AsksForManyBlobsInOneCall) {
  ecr.on("BatchCheckLayerAvailability", availability(blobs, "AVAILABLE"));
  store->expect({}, blobs);
  EXPECT_TRUE(store->has({}, blobs[0]));
  EXPECT_TRUE(store->has({}, blobs[1]));
  EXPECT_THAT(ecr.calls(), SizeIs(1));
  EXPECT_EQ(counting->asked, 0);
}

TEST_F(EcrStoreTest, AsksForAHundredInACallAtMost) {
  ecr.on("BatchCheckLayerAvailability", "{}");
  std::vector<Descriptor> many;
  for (int i = 0; i < 101; ++i) many.push_back(blob(std::to_string(i)));
  store->expect({}, many);
  EXPECT_THAT(ecr.inputs("BatchCheckLayerAvailability"), SizeIs(2));
  EXPECT_THAT(ecr.inputs("BatchCheckLayerAvailability").at(1), HasSubstr(many.back().digest.str()));
}

TEST_F(EcrStoreTest, AsksForOneBlobAndForDocumentsAtTheRegistry) {
  std::vector<Descriptor> mixed = {blobs[0], blobs[1]};
  mixed[1].media_type = oci::media::oci_manifest;
  store->expect({}, mixed);
  EXPECT_THAT(ecr.calls(), IsEmpty());
  EXPECT_FALSE(store->has({}, blobs[0]));
  EXPECT_EQ(counting->asked, 1);
}

TEST_F(EcrStoreTest, AsksTheRegistryWhereTheCallIsDenied) {
  ecr.fail("BatchCheckLayerAvailability", "AccessDeniedException");
  store->expect({}, blobs);
  EXPECT_FALSE(store->has({}, blobs[0]));
  EXPECT_EQ(counting->asked, 1);
}

TEST_F(EcrStoreTest, AsksTheRegistryForWhatTheCallDoesNotName) {
  ecr.on("BatchCheckLayerAvailability", availability({blobs[0]}, "UNAVAILABLE"));
  store->expect({}, blobs);
  EXPECT_FALSE(store->has({}, blobs[0]));
  EXPECT_EQ(counting->asked, 0);
  store->has({}, blobs[1]);
  EXPECT_EQ(counting->asked, 1);
}

TEST_F(EcrStoreTest, KnowsWhatItHasPushed) {
  ecr.on("BatchCheckLayerAvailability", availability(blobs, "UNAVAILABLE"));
  store->expect({}, blobs);
  EXPECT_FALSE(store->has({}, blobs[0]));
  store->push({}, blobs[0], oci::content_of("a"));
  EXPECT_TRUE(store->has({}, blobs[0]));
  EXPECT_FALSE(store->has({}, blobs[1]));
}

TEST_F(EcrStoreTest, TakesAnArchivedLayerForOneThatIsNotThere) {
  ecr.on("BatchCheckLayerAvailability", availability(blobs, "ARCHIVED"));
  store->expect({}, blobs);
  EXPECT_FALSE(store->has({}, blobs[0]));
}

}  // namespace
}  // namespace davit::transport::ecr
