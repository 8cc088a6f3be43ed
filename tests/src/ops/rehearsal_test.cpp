#include "src/ops/rehearsal.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "oci/base/log.hpp"
#include "oci/store/memory.hpp"

namespace davit::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// A rehearsal of a store that holds one tagged document, and the lines that it logs.
class RehearsalTest : public testing::Test {
 protected:
  RehearsalTest() {
    auto real = oci::make_memory_store("memory");
    real_ = real.get();
    real_->push({}, present_, oci::content_of("{}"));
    rehearsal_ = make_rehearsal(std::move(real));
    oci::set_log([this](oci::LogLevel, std::string_view line) { lines_.emplace_back(line); });
  }
  ~RehearsalTest() override { oci::set_log({}); }

  const oci::Descriptor present_ = oci::describe("application/octet-stream", "{}");
  oci::Store* real_ = nullptr;
  std::unique_ptr<oci::Store> rehearsal_;
  std::vector<std::string> lines_;
};

TEST_F(RehearsalTest, SaysWhatItWouldPushAndDoesNot) {
  const auto blob = oci::describe("application/octet-stream", "new");
  rehearsal_->push({}, blob, oci::content_of("new"));
  EXPECT_FALSE(real_->has({}, blob));
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("would push " + blob.digest.str())));
}

TEST_F(RehearsalTest, MeasuresWhatIsAdded) {
  const auto added = rehearsal_->add({}, "application/octet-stream", oci::content_of("abc"));
  EXPECT_EQ(added.size, 3u);
  EXPECT_EQ(added.digest, oci::digest_of(oci::bytes_of("abc")));
  EXPECT_FALSE(real_->has({}, added));
}

TEST_F(RehearsalTest, SaysNothingOfAddingWhatIsThere) {
  rehearsal_->add({}, "application/octet-stream", oci::content_of("{}"));
  EXPECT_TRUE(lines_.empty());
}

TEST_F(RehearsalTest, AnswersFromTheRealStore) {
  EXPECT_TRUE(rehearsal_->has({}, present_));
  EXPECT_EQ(rehearsal_->name(), "memory");
  oci::StringSink text(10, "content");
  rehearsal_->fetch({}, present_, text);
  EXPECT_EQ(text.text(), "{}");
}

TEST_F(RehearsalTest, HasTheDocumentsItWasGiven) {
  const auto document = oci::describe(oci::media::oci_manifest, "{\"x\":1}");
  rehearsal_->push({}, document, oci::content_of("{\"x\":1}"));
  EXPECT_TRUE(rehearsal_->has({}, document));
  EXPECT_EQ(oci::fetch_document({}, *rehearsal_, document), "{\"x\":1}");
  EXPECT_FALSE(real_->has({}, document));
}

TEST_F(RehearsalTest, MovesNoTag) {
  const auto document = oci::describe(oci::media::oci_manifest, "{\"x\":1}");
  rehearsal_->tag({}, document, oci::content_of("{\"x\":1}"), "latest");
  EXPECT_EQ(real_->resolve({}, "latest"), std::nullopt);
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("as latest")));
}

TEST_F(RehearsalTest, DeletesNothingAndMissesWhatIsNotThere) {
  EXPECT_THROW(rehearsal_->remove({}, "absent"), oci::Error);
}

}  // namespace
}  // namespace davit::app
