// What every Store promises, for each of them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <thread>

#include "oci/store/archive.hpp"
#include "oci/store/layout.hpp"
#include "oci/store/memory.hpp"
#include "tests/oci/store/images.hpp"
#include "tests/support/temp_dir.hpp"

namespace davit::tests {
namespace {

using namespace oci;
using testing::ElementsAre;
using testing::IsEmpty;

struct Kind {
  const char* name;
  std::function<std::unique_ptr<Store>(const TempDir&)> make;
};

class StoreContract : public testing::TestWithParam<Kind> {
 protected:
  TempDir dir_;
  std::unique_ptr<Store> store_ = GetParam().make(dir_);
};

INSTANTIATE_TEST_SUITE_P(
    Stores, StoreContract,
    testing::Values(Kind{"Memory", [](const TempDir&) { return make_memory_store("memory"); }},
                    Kind{"Layout",
                         [](const TempDir& dir) {
                           return open_layout({}, dir / "layout", OpenMode::create);
                         }},
                    Kind{"Archive",
                         [](const TempDir& dir) {
                           return open_archive({}, dir / "archive.tar", OpenMode::create);
                         }}),
    [](const auto& kind) { return kind.param.name; });

TEST_P(StoreContract, GivesBackWhatWasPushed) {
  const std::string bytes = noise(300'000, 1);
  const Descriptor blob = put(*store_, media::oci_layer, bytes);
  EXPECT_TRUE(store_->has({}, blob));
  EXPECT_EQ(fetched(*store_, blob), bytes);
}

TEST_P(StoreContract, KeepsAnEmptyBlob) {
  const Descriptor blob = put(*store_, media::oci_layer, "");
  EXPECT_TRUE(store_->has({}, blob));
  EXPECT_EQ(fetched(*store_, blob), "");
}

TEST_P(StoreContract, KeepsBlobsNamedBySha512) {
  const std::string bytes = "hashed otherwise";
  const Descriptor blob{.media_type = std::string(media::oci_layer),
                        .digest = digest_of(bytes_of(bytes), DigestAlgorithm::sha512),
                        .size = bytes.size()};
  store_->push({}, blob, content_of(bytes));
  EXPECT_EQ(fetched(*store_, blob), bytes);
}

TEST_P(StoreContract, DoesNotHaveWhatWasNotPushed) {
  const Descriptor blob = describe(media::oci_layer, "never sent");
  EXPECT_FALSE(store_->has({}, blob));
  EXPECT_EQ(kind_thrown([&] { fetched(*store_, blob); }, blob.digest.str()), ErrorKind::not_found);
}

TEST_P(StoreContract, RefusesContentWithAnotherDigestAndKeepsNothingOfIt) {
  const Descriptor blob = describe(media::oci_layer, "expected");
  EXPECT_EQ(kind_thrown([&] { store_->push({}, blob, content_of("received")); }, blob.digest.str()),
            ErrorKind::corrupt);
  EXPECT_FALSE(store_->has({}, blob));
}

TEST_P(StoreContract, RefusesContentThatIsTooShort) {
  const Descriptor blob = describe(media::oci_layer, "expected");
  EXPECT_EQ(kind_thrown([&] { store_->push({}, blob, content_of("expect")); }), ErrorKind::corrupt);
  EXPECT_FALSE(store_->has({}, blob));
}

TEST_P(StoreContract, RefusesContentThatIsTooLongBeforeItsEnd) {
  const Descriptor blob = describe(media::oci_layer, "expected");
  const Content endless = [](const oci::Call&, oci::Sink& sink) {
    while (true) sink.write(bytes_of("expected"));
  };
  EXPECT_EQ(kind_thrown([&] { store_->push({}, blob, endless); }), ErrorKind::corrupt);
  EXPECT_FALSE(store_->has({}, blob));
}

TEST_P(StoreContract, TakesAnotherTryAfterAFailure) {
  const std::string bytes = noise(70'000, 2);
  const Descriptor blob = describe(media::oci_layer, bytes);
  const Content broken = [&](const oci::Call&, oci::Sink& sink) {
    sink.write(bytes_of(bytes).first(50'000));
    throw Error(ErrorKind::unavailable, "cut");
  };
  EXPECT_EQ(kind_thrown([&] { store_->push({}, blob, broken); }, "cut"), ErrorKind::unavailable);
  put(*store_, media::oci_layer, "something else in between");
  store_->push({}, blob, content_of(bytes));
  EXPECT_EQ(fetched(*store_, blob), bytes);
}

TEST_P(StoreContract, DoesNotReadAgainWhatItHas) {
  const Descriptor blob = put(*store_, media::oci_layer, "once");
  store_->push({}, blob,
               [](const oci::Call&, oci::Sink&) { FAIL() << "content was asked for again"; });
}

TEST_P(StoreContract, SaysNotToHaveABlobWhoseSizeIsALie) {
  Descriptor blob = put(*store_, media::oci_layer, "nine char");
  blob.size = 90;
  EXPECT_FALSE(store_->has({}, blob));
  EXPECT_EQ(kind_thrown([&] { fetched(*store_, blob); }), ErrorKind::corrupt);
}

TEST_P(StoreContract, SaysDigestAndSizeOfWhatIsAdded) {
  const std::string bytes = noise(200'000, 3);
  const Descriptor added = store_->add({}, media::oci_layer_gzip, content_of(bytes));
  EXPECT_EQ(added.media_type, media::oci_layer_gzip);
  EXPECT_EQ(added.digest, digest_of(bytes_of(bytes)));
  EXPECT_EQ(added.size, bytes.size());
  EXPECT_EQ(fetched(*store_, added), bytes);
}

TEST_P(StoreContract, AddsTheSameBytesTwice) {
  EXPECT_EQ(store_->add({}, media::oci_layer, content_of("same")).digest,
            store_->add({}, media::oci_layer, content_of("same")).digest);
}

TEST_P(StoreContract, KeepsNothingOfAnAddThatFails) {
  EXPECT_EQ(kind_thrown(
                [&] {
                  store_->add({}, media::oci_layer, [](const oci::Call&, oci::Sink& sink) {
                    sink.write(bytes_of("half"));
                    throw Error(ErrorKind::failed, "the source shrank");
                  });
                },
                "the source shrank"),
            ErrorKind::failed);
  EXPECT_FALSE(store_->has({}, describe(media::oci_layer, "half")));
  EXPECT_EQ(fetched(*store_, put(*store_, media::oci_layer, "next")), "next");
}

TEST_P(StoreContract, TakesBlobsFromSeveralThreadsAtOnce) {
  std::vector<std::jthread> threads;
  for (unsigned i = 0; i < 8; ++i) {
    threads.emplace_back([this, i] {
      if (i % 3 == 0) {
        store_->add({}, media::oci_layer, content_of(noise(100'000 + i, i)));
      } else {
        put(*store_, media::oci_layer, noise(100'000 + i, i));
      }
    });
  }
  threads.clear();
  for (unsigned i = 0; i < 8; ++i) {
    const std::string bytes = noise(100'000 + i, i);
    EXPECT_EQ(fetched(*store_, describe(media::oci_layer, bytes)), bytes);
  }
}

TEST_P(StoreContract, TakesOneBlobFromSeveralThreadsAtOnce) {
  const std::string bytes = noise(500'000, 4);
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] { put(*store_, media::oci_layer, bytes); });
  }
  threads.clear();
  EXPECT_EQ(fetched(*store_, describe(media::oci_layer, bytes)), bytes);
}

TEST_P(StoreContract, ResolvesATag) {
  const TestImage image = put_image(*store_, {"layer"}, Push::blobs);
  store_->tag({}, image.descriptor, content_of(image.manifest), "1.2");
  const auto found = store_->resolve({}, "1.2");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->digest, image.descriptor.digest);
  EXPECT_EQ(found->size, image.descriptor.size);
  EXPECT_EQ(found->media_type, media::oci_manifest);
  EXPECT_EQ(fetch_document({}, *store_, *found), image.manifest);
}

TEST_P(StoreContract, ResolvesADigestThatHasNoTag) {
  const TestImage image = put_image(*store_, {"layer"});
  const auto found = store_->resolve({}, image.descriptor.digest.str());
  ASSERT_TRUE(found);
  EXPECT_EQ(found->digest, image.descriptor.digest);
  EXPECT_THAT(store_->tags({}), IsEmpty());
}

TEST_P(StoreContract, ResolvesTheManifestsOfAnIndexByDigest) {
  const TestImage one = put_image(*store_, {"one"});
  const TestImage two = put_image(*store_, {"two"});
  const Descriptor inner = put_index(*store_, {one.descriptor, two.descriptor});
  const Descriptor outer = put_index(*store_, {inner});
  for (const Descriptor& descriptor : {one.descriptor, two.descriptor, inner, outer}) {
    ASSERT_TRUE(store_->resolve({}, descriptor.digest.str())) << descriptor.digest.str();
    EXPECT_EQ(store_->resolve({}, descriptor.digest.str())->size, descriptor.size);
  }
}

TEST_P(StoreContract, ResolvesNothingThatIsNotThere) {
  put_image(*store_, {"layer"});
  EXPECT_FALSE(store_->resolve({}, "1.2"));
  EXPECT_FALSE(store_->resolve({}, digest_of(bytes_of("other")).str()));
  EXPECT_EQ(kind_thrown([&] { require({}, *store_, "1.2"); }, "1.2"), ErrorKind::not_found);
}

TEST_P(StoreContract, MovesATag) {
  const TestImage old_image = put_image(*store_, {"old"});
  const TestImage new_image = put_image(*store_, {"new"});
  store_->tag({}, old_image.descriptor, content_of(old_image.manifest), "latest");
  store_->tag({}, new_image.descriptor, content_of(new_image.manifest), "latest");
  EXPECT_EQ(store_->resolve({}, "latest")->digest, new_image.descriptor.digest);
  EXPECT_THAT(store_->tags({}), ElementsAre("latest"));
}

TEST_P(StoreContract, ListsTagsInOrder) {
  const TestImage image = put_image(*store_, {"layer"});
  for (const char* tag : {"b", "latest", "a"}) {
    store_->tag({}, image.descriptor, content_of(image.manifest), tag);
  }
  EXPECT_THAT(store_->tags({}), ElementsAre("a", "b", "latest"));
}

TEST_P(StoreContract, DoesNotTagADocumentThatDoesNotMatch) {
  const TestImage image = put_image(*store_, {"layer"}, Push::blobs);
  const Content other = content_of(image.manifest + " ");
  EXPECT_EQ(kind_thrown([&] { store_->tag({}, image.descriptor, other, "1.2"); }),
            ErrorKind::corrupt);
  EXPECT_FALSE(store_->resolve({}, "1.2"));
  EXPECT_FALSE(store_->has({}, image.descriptor));
}

TEST_P(StoreContract, RefusesADocumentThatIsNone) {
  const std::string bytes = R"({"schemaVersion":2,"manifests":[],"layers":[]})";
  const Descriptor document = describe(media::oci_index, bytes);
  EXPECT_EQ(kind_thrown([&] { store_->push({}, document, content_of(bytes)); }),
            ErrorKind::corrupt);
  EXPECT_FALSE(store_->has({}, document));
}

TEST_P(StoreContract, RefusesWhatCannotBeATag) {
  const TestImage image = put_image(*store_, {"layer"});
  for (const std::string& tag :
       {std::string(), std::string("-x"), std::string("a b"), std::string("a\nb"),
        std::string("\x1b[31m"), std::string(300, 'a'), image.descriptor.digest.str()}) {
    EXPECT_EQ(
        kind_thrown([&] { store_->tag({}, image.descriptor, content_of(image.manifest), tag); }),
        ErrorKind::usage);
  }
  EXPECT_THAT(store_->tags({}), IsEmpty());
}

TEST_P(StoreContract, RemovesATagAndLeavesOthers) {
  const TestImage image = put_image(*store_, {"layer"});
  store_->tag({}, image.descriptor, content_of(image.manifest), "1");
  store_->tag({}, image.descriptor, content_of(image.manifest), "2");
  store_->remove({}, "1");
  EXPECT_FALSE(store_->resolve({}, "1"));
  EXPECT_EQ(store_->resolve({}, "2")->digest, image.descriptor.digest);
}

TEST_P(StoreContract, RemovesADocumentByDigestWithItsTags) {
  const TestImage image = put_image(*store_, {"layer"});
  store_->tag({}, image.descriptor, content_of(image.manifest), "1");
  store_->remove({}, image.descriptor.digest.str());
  EXPECT_FALSE(store_->resolve({}, image.descriptor.digest.str()));
  EXPECT_THAT(store_->tags({}), IsEmpty());
}

TEST_P(StoreContract, CannotRemoveWhatIsNotThere) {
  EXPECT_EQ(kind_thrown([&] { store_->remove({}, "1.2"); }, "1.2"), ErrorKind::not_found);
  const std::string digest = digest_of(bytes_of("other")).str();
  EXPECT_EQ(kind_thrown([&] { store_->remove({}, digest); }, digest), ErrorKind::not_found);
  EXPECT_EQ(kind_thrown([&] { store_->remove({}, ""); }), ErrorKind::usage);
}

TEST_P(StoreContract, ListsWhatRefersToADocument) {
  const TestImage image = put_image(*store_, {"layer"});
  put(*store_, media::oci_empty, "{}");
  const std::string signature = to_json(Manifest{.media_type = std::string(media::oci_manifest),
                                                 .artifact_type = "application/vnd.signature",
                                                 .config = describe(media::oci_empty, "{}"),
                                                 .subject = image.descriptor,
                                                 .annotations = {{"by", "someone"}}});
  const Descriptor pushed = put(*store_, media::oci_manifest, signature);
  const auto found = store_->referrers({}, image.descriptor.digest);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].digest, pushed.digest);
  EXPECT_EQ(found[0].artifact_type, "application/vnd.signature");
  EXPECT_EQ(found[0].annotations.at("by"), "someone");
  EXPECT_THAT(store_->referrers({}, pushed.digest), IsEmpty());
}

TEST_P(StoreContract, GivesTheOnlyImageWhenNoneIsNamed) {
  EXPECT_FALSE(store_->resolve({}, ""));
  const TestImage image = put_image(*store_, {"layer"});
  EXPECT_EQ(store_->resolve({}, "")->digest, image.descriptor.digest);
  store_->tag({}, image.descriptor, content_of(image.manifest), "1");
  store_->tag({}, image.descriptor, content_of(image.manifest), "2");
  EXPECT_EQ(store_->resolve({}, "")->digest, image.descriptor.digest);
}

TEST_P(StoreContract, GivesTheIndexAndNotItsManifestsWhenNoneIsNamed) {
  const TestImage one = put_image(*store_, {"one"});
  const TestImage two = put_image(*store_, {"two"});
  const Descriptor index = put_index(*store_, {one.descriptor, two.descriptor});
  EXPECT_EQ(store_->resolve({}, "")->digest, index.digest);
}

TEST_P(StoreContract, NamesTheImagesThereAreWhenNoneIsNamed) {
  for (const char* tag : {"first", "second"}) {
    const TestImage image = put_image(*store_, {tag});
    store_->tag({}, image.descriptor, content_of(image.manifest), tag);
  }
  EXPECT_EQ(kind_thrown([&] { store_->resolve({}, ""); }, "first, second"), ErrorKind::usage);
}

TEST_P(StoreContract, ServesContentEmbeddedInADescriptor) {
  Descriptor embedded = describe(media::oci_empty, "{}");
  embedded.data = "{}";
  EXPECT_EQ(fetched(*store_, embedded), "{}");
  EXPECT_FALSE(store_->has({}, embedded));
}

TEST_P(StoreContract, DoesNotMindACommit) {
  const TestImage image = put_image(*store_, {"layer"});
  store_->commit({});
  EXPECT_EQ(store_->resolve({}, "")->digest, image.descriptor.digest);
}

}  // namespace
}  // namespace davit::tests
