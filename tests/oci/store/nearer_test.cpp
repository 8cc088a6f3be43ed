#include "oci/store/nearer.hpp"

#include <gtest/gtest.h>

#include "oci/store/forwarding.hpp"
#include "oci/store/memory.hpp"
#include "tests/oci/store/images.hpp"

namespace davit::tests {
namespace {

using oci::Call;
using oci::Descriptor;
using oci::Error;
using oci::ErrorKind;

/// A store whose content may not be read.
struct PushOnly final : oci::ForwardingStore {
  explicit PushOnly(oci::Store& store) : ForwardingStore(store) {}
  void fetch(const Call&, const Descriptor&, oci::Sink& into) override {
    into.write(oci::bytes_of(first));
    throw Error(ErrorKind::denied, "pulling is not allowed");
  }
  std::string first;
};

class NearerTest : public testing::Test {
 protected:
  const std::unique_ptr<oci::Store> near_ = oci::make_memory_store("near");
  const std::unique_ptr<oci::Store> far_ = oci::make_memory_store("far");
  const TestImage image_ = put_image(*far_, {"layer"});
};

TEST_F(NearerTest, ReadsFromTheFirst) {
  put_image(*near_, {"layer"});
  const auto empty = oci::make_memory_store("empty");
  const auto nearer = oci::make_nearer(*near_, *empty);
  EXPECT_EQ(oci::fetch_document({}, *nearer, image_.descriptor), image_.manifest);
}

TEST_F(NearerTest, ReadsFromTheSecondWhatTheFirstLacks) {
  const auto nearer = oci::make_nearer(*near_, *far_);
  EXPECT_EQ(oci::fetch_document({}, *nearer, image_.descriptor), image_.manifest);
}

TEST_F(NearerTest, ReadsFromTheSecondWhatTheFirstDoesNotGive) {
  put_image(*near_, {"layer"});
  PushOnly closed(*near_);
  const auto nearer = oci::make_nearer(closed, *far_);
  EXPECT_EQ(oci::fetch_document({}, *nearer, image_.descriptor), image_.manifest);
}

TEST_F(NearerTest, DoesNotMixTheContentOfBoth) {
  PushOnly breaking(*near_);
  breaking.first = "half";
  const auto nearer = oci::make_nearer(breaking, *far_);
  EXPECT_THROW(oci::fetch_document({}, *nearer, image_.descriptor), Error);
}

}  // namespace
}  // namespace davit::tests
