#include "oci/model/manifest.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "oci/base/error.hpp"
#include "tests/support/testdata.hpp"

namespace davit::oci {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using tests::testdata;

Document parse(std::string_view name, std::string_view came_as = "") {
  return parse_document(came_as, testdata(name), "the document");
}

Error failure(std::string_view bytes, std::string_view came_as = "") {
  try {
    parse_document(came_as, bytes, "the document");
  } catch (const Error& error) {
    return error;
  }
  throw std::logic_error("the document was taken: " + std::string(bytes.substr(0, 200)));
}

Manifest manifest(std::string_view name) { return std::get<Manifest>(parse(name)); }
Index index(std::string_view name) { return std::get<Index>(parse(name)); }

TEST(ParseDocument, ReadsAnOciManifest) {
  const Manifest image = manifest("manifest/oci-manifest.json");
  EXPECT_EQ(image.media_type, media::oci_manifest);
  EXPECT_EQ(image.config.media_type, media::oci_config);
  EXPECT_EQ(image.config.size, 7023);
  ASSERT_EQ(image.layers.size(), 3);
  EXPECT_EQ(image.layers[0].media_type, media::oci_layer_gzip);
  EXPECT_EQ(image.layers[1].size, 16724);
  EXPECT_THAT(image.layers[2].annotations, ElementsAre(Pair("org.example.note", "last")));
  EXPECT_EQ(image.annotations.at("com.example.key1"), "value1");
  EXPECT_FALSE(image.subject);
  EXPECT_EQ(image.artifact_type, "");
}

TEST(ParseDocument, ReadsADockerManifest) {
  const Manifest image = manifest("manifest/docker-manifest.json");
  EXPECT_EQ(image.media_type, media::docker_manifest);
  EXPECT_EQ(image.config.media_type, media::docker_config);
  ASSERT_EQ(image.layers.size(), 2);
  EXPECT_EQ(image.layers[1].urls.size(), 1);
  EXPECT_TRUE(is_nondistributable(image.layers[1].media_type));
}

TEST(ParseDocument, ReadsAnArtifactWithASubject) {
  const Manifest artifact = manifest("manifest/oci-artifact.json");
  EXPECT_EQ(artifact.artifact_type, "application/spdx+json");
  EXPECT_EQ(artifact.config.media_type, media::oci_empty);
  EXPECT_EQ(artifact.config.data, "{}");
  ASSERT_TRUE(artifact.subject);
  EXPECT_EQ(artifact.subject->size, 1158);
}

TEST(ParseDocument, ReadsAnOciIndex) {
  const Index images = index("manifest/oci-index.json");
  EXPECT_EQ(images.media_type, media::oci_index);
  ASSERT_EQ(images.manifests.size(), 10);
  EXPECT_EQ(images.manifests[3].platform->str(), "linux/arm/v7");
  EXPECT_EQ(images.manifests[9].annotations.at("vnd.docker.reference.type"),
            "attestation-manifest");
}

TEST(ParseDocument, ReadsADockerList) {
  const Index images = index("manifest/docker-list.json");
  EXPECT_EQ(images.media_type, media::docker_list);
  ASSERT_EQ(images.manifests.size(), 5);
  EXPECT_EQ(images.manifests[3].platform->str(), "windows/amd64:10.0.17763.5206");
  EXPECT_THAT(images.manifests[4].platform->os_features, ElementsAre("win32k"));
}

TEST(ParseDocument, ReadsAnIndexOfALayoutWithoutATypeOfItsOwn) {
  const Index images = index("manifest/layout-index.json");
  EXPECT_EQ(images.media_type, media::oci_index);
  EXPECT_FALSE(images.manifests[0].platform);
  EXPECT_EQ(images.manifests[0].annotations.at(ref_name_annotation), "latest");
}

TEST(ParseDocument, GivesAnUntypedDocumentTheTypeItCameAs) {
  const std::string bytes = testdata("manifest/oci-manifest-untyped.json");
  const auto type_as = [&](std::string_view came_as) {
    return std::get<Manifest>(parse_document(came_as, bytes, "m")).media_type;
  };
  EXPECT_EQ(type_as(""), media::oci_manifest);
  EXPECT_EQ(type_as("application/json"), media::oci_manifest);
  EXPECT_EQ(type_as(media::oci_manifest), media::oci_manifest);
  EXPECT_EQ(type_as(media::docker_manifest), media::docker_manifest);
}

TEST(ParseDocument, TakesANullTypeAsNone) {
  const std::string bytes = R"({"schemaVersion":2,"mediaType":null,"manifests":[]})";
  EXPECT_EQ(std::get<Index>(parse_document(media::docker_list, bytes, "i")).media_type,
            media::docker_list);
}

TEST(ParseDocument, IgnoresParametersOfTheTypeItCameAs) {
  parse("manifest/oci-manifest.json", "application/vnd.oci.image.manifest.v1+json; charset=utf-8");
}

TEST(ParseDocument, RefusesATypeOtherThanItCameAs) {
  const std::vector<std::pair<std::string, std::string_view>> table = {
      {"manifest/oci-manifest.json", media::docker_manifest},
      {"manifest/oci-manifest.json", media::oci_index},
      {"manifest/docker-manifest.json", media::oci_manifest},
      {"manifest/oci-index.json", media::oci_manifest},
      {"manifest/oci-index.json", media::docker_list},
      {"manifest/docker-list.json", media::oci_index},
      {"manifest/oci-manifest-untyped.json", media::oci_index},
      {"manifest/layout-index.json", media::oci_manifest},
      {"manifest/layout-index.json", media::docker_manifest},
  };
  for (const auto& [name, came_as] : table) {
    const Error error = failure(testdata(name), came_as);
    EXPECT_EQ(error.kind(), ErrorKind::corrupt) << name;
    EXPECT_THAT(error.what(), HasSubstr("came as " + std::string(came_as))) << name;
  }
}

TEST(ParseDocument, RefusesHostileDocumentsForWhatTheyAre) {
  const std::vector<std::pair<std::string, std::string>> table = {
      // What can be read as two documents (CVE-2021-41190).
      {"index-and-manifest", "is an index and a manifest at once"},
      {"index-and-manifest-untyped", "is an index and a manifest at once"},
      {"index-with-config", "is an index and a manifest at once"},
      {"manifest-with-null-manifests", "is an index and a manifest at once"},
      {"manifest-with-capital-manifests", "the key 'Manifests' looks like 'manifests'"},
      {"manifest-with-long-s", "the key 'layerſ' looks like 'layers'"},
      {"manifest-with-fslayers", "has members of a schema 1 manifest"},
      {"manifest-with-history", "has members of a schema 1 manifest"},
      {"manifest-typed-index",
       "its content does not fit its type " + std::string(media::oci_index)},
      {"index-typed-manifest",
       "its content does not fit its type " + std::string(media::oci_manifest)},
      {"digest-twice-by-case", "the key 'Digest' looks like 'digest'"},
      {"key-twice", "the key 'layers' stands twice"},
      // What is none of ours.
      {"schema1", "not a manifest of schema version 2"},
      {"no-version", "not a manifest of schema version 2"},
      {"version-1", "not a manifest of schema version 2"},
      {"version-float", "not a manifest of schema version 2"},
      {"version-text", "not a manifest of schema version 2"},
      {"version-null", "not a manifest of schema version 2"},
      {"unknown-type", "has the unknown type 'text/html'"},
      {"type-in-array", "'mediaType' is not a string"},
      {"neither", "is neither an index nor a manifest"},
      {"array", "not a JSON object"},
      {"no-config", "has no config"},
      {"null-config", "a descriptor is not an object"},
      {"layers-object", "'layers' is not an array"},
      {"layer-null", "a descriptor is not an object"},
      // Descriptors.
      {"digest-traversal", "'sha256:../../../../etc/passwd' is not a digest"},
      {"digest-upper-case", "is not a digest"},
      {"digest-missing", "'' is not a digest"},
      {"digest-md5", "is not a digest"},
      {"digest-nul", "\\x00' is not a digest"},
      {"digest-escape", "'sha256:\\x1b]0;owned\\x07' is not a digest"},
      {"size-missing", "'size' is not a size"},
      {"size-negative", "'size' is not a size"},
      {"size-float", "'size' is not a size"},
      {"size-exponent", "'size' is not a size"},
      {"size-text", "'size' is not a size"},
      {"size-2-to-63", "'size' is not a size"},
      {"size-2-to-64", "'size' is not a size"},
      {"annotations-number", "'annotations' has a value that is not a string"},
      {"urls-object", "'urls' is not an array"},
      {"data-wrong", "the data embedded for sha256:"},
      {"data-not-base64", "not base64"},
      // JSON itself.
      {"byte-order-mark", "starts with a byte order mark"},
      {"nul-tail", "has a NUL byte"},
      {"tail", "not JSON at byte"},
      {"two-documents", "not JSON at byte"},
      {"cut", "not JSON at byte"},
      {"empty", "not JSON at byte"},
      {"html", "not JSON at byte 1"},
      {"invalid-utf8", "not JSON at byte"},
      {"control-character", "not JSON at byte 61"},
      {"lone-surrogate", "not JSON at byte"},
      {"comment", "not JSON at byte 1"},
      {"single-quotes", "not JSON at byte 2"},
      {"huge-number", "not JSON at byte"},
  };
  for (const auto& [name, message] : table) {
    const Error error = failure(testdata("hostile/" + name + ".json"));
    EXPECT_EQ(error.kind(), ErrorKind::corrupt) << name;
    EXPECT_THAT(error.what(), testing::StartsWith("the document: ")) << name;
    EXPECT_THAT(error.what(), HasSubstr(message)) << name;
  }
  const auto files = std::filesystem::directory_iterator(tests::testdata_path() / "hostile");
  EXPECT_EQ(std::distance(files, {}), table.size()) << "a document that no line of the table names";
}

TEST(ParseDocument, TakesSpellingsThatGoWouldNotConfuse) {
  parse_document("", R"({"schemaVersion":2,"manifests":[],"Manifest":[],"layer":1,"CONFIGS":{}})",
                 "the index");
}

TEST(ParseDocument, LimitsTheNumberOfDescriptors) {
  const auto index_of = [](std::size_t count) {
    Index many{.media_type = std::string(media::oci_index)};
    many.manifests.assign(count, describe(media::oci_manifest, "x"));
    return to_json(many);
  };
  EXPECT_EQ(std::get<Index>(parse_document("", index_of(10'000), "i")).manifests.size(), 10'000);
  EXPECT_STREQ(failure(index_of(10'001)).what(), "the document: too many descriptors");
}

TEST(ParseDocument, TakesAnIndexOfNothing) {
  for (const char* bytes :
       {R"({"schemaVersion":2,"manifests":[]})", R"({"schemaVersion":2,"manifests":null})",
        R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json"})"}) {
    EXPECT_TRUE(std::get<Index>(parse_document("", bytes, "i")).manifests.empty()) << bytes;
  }
}

TEST(DocumentMediaType, IsWhatTheDocumentSaysOrShows) {
  const std::vector<std::pair<std::string, std::string_view>> table = {
      {"oci-manifest", media::oci_manifest},       {"oci-index", media::oci_index},
      {"docker-manifest", media::docker_manifest}, {"docker-list", media::docker_list},
      {"oci-artifact", media::oci_manifest},       {"oci-manifest-untyped", media::oci_manifest},
      {"layout-index", media::oci_index},
  };
  for (const auto& [name, type] : table) {
    EXPECT_EQ(document_media_type(testdata("manifest/" + name + ".json"), name), type);
  }
}

TEST(Children, OfAManifestAreItsConfigAndLayers) {
  const Manifest image = manifest("manifest/oci-manifest.json");
  const std::vector<Descriptor> list = children(image);
  ASSERT_EQ(list.size(), 4);
  EXPECT_EQ(list[0].digest, image.config.digest);
  EXPECT_EQ(list[3].digest, image.layers[2].digest);
}

TEST(Children, OfAnIndexAreItsManifests) {
  EXPECT_EQ(children(parse("manifest/oci-index.json")).size(), 10);
}

TEST(Children, DoNotIncludeTheSubject) {
  EXPECT_EQ(children(parse("manifest/oci-artifact.json")).size(), 2);
}

TEST(ToJson, WritesAManifestInTheOrderOfTheSpecification) {
  const Manifest image{
      .media_type = std::string(media::oci_manifest),
      .artifact_type = "application/x",
      .config = describe(media::oci_config, "{}"),
      .layers = {describe(media::oci_layer, "")},
      .subject = describe(media::oci_manifest, "s"),
      .annotations = {{"b", "2"}, {"a", "1"}},
  };
  EXPECT_EQ(
      to_json(image),
      R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",)"
      R"("artifactType":"application/x","config":{"mediaType":"application/vnd.oci.image.config.v1+json",)"
      R"("digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},)"
      R"("layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar",)"
      R"("digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":0}],)"
      R"("subject":{"mediaType":"application/vnd.oci.image.manifest.v1+json",)"
      R"("digest":"sha256:043a718774c572bd8a25adbeb1bfcd5c0256ae11cecf9f9c3f925d0e52beaf89","size":1},)"
      R"("annotations":{"a":"1","b":"2"}})");
}

TEST(ToJson, WritesNoEmptyMembers) {
  EXPECT_EQ(to_json(Index{.media_type = std::string(media::oci_index)}),
            R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json",)"
            R"("manifests":[]})");
}

TEST(ToJson, WritesWhatReadsBackTheSame) {
  for (const char* name : {"oci-manifest", "docker-manifest", "oci-artifact"}) {
    const std::string bytes = to_json(manifest("manifest/" + std::string(name) + ".json"));
    EXPECT_EQ(to_json(std::get<Manifest>(parse_document("", bytes, name))), bytes);
  }
  for (const char* name : {"oci-index", "docker-list", "layout-index"}) {
    const std::string bytes = to_json(index("manifest/" + std::string(name) + ".json"));
    EXPECT_EQ(to_json(std::get<Index>(parse_document("", bytes, name))), bytes);
  }
}

TEST(ToJson, NamesAnAnnotationThatIsNotUtf8) {
  Manifest image = manifest("manifest/oci-manifest.json");
  image.layers[1].annotations["title"] = "\xff";
  try {
    to_json(image);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_STREQ(error.what(), "'layers.1.annotations.title' is not UTF-8");
  }
}

std::string selected(const Index& images, std::string_view platform) {
  return select_platform(images, Platform::parse(platform), "the image").platform->str();
}

TEST(SelectPlatform, FindsThePlatform) {
  const Index images = index("manifest/oci-index.json");
  EXPECT_EQ(selected(images, "linux/amd64"), "linux/amd64");
  EXPECT_EQ(selected(images, "linux/x86_64"), "linux/amd64");
  EXPECT_EQ(selected(images, "linux/arm64"), "linux/arm64/v8");
  EXPECT_EQ(selected(images, "linux/arm"), "linux/arm/v7");
  EXPECT_EQ(selected(images, "linux/arm/v5"), "linux/arm/v5");
  EXPECT_EQ(selected(images, "linux/s390x"), "linux/s390x");
}

TEST(SelectPlatform, TakesTheNextOlderVariantIfItsOwnIsMissing) {
  const Index images = index("manifest/docker-list.json");
  EXPECT_EQ(selected(images, "linux/arm/v7"), "linux/arm/v6");
  EXPECT_EQ(selected(images, "linux/arm/v8"), "linux/arm/v6");
  EXPECT_EQ(selected(images, "linux/amd64/v3"), "linux/amd64");
  EXPECT_EQ(selected(index("manifest/oci-index.json"), "linux/arm/v8"), "linux/arm/v7");
}

TEST(SelectPlatform, NeverTakesANewerVariant) {
  const Index images = index("manifest/docker-list.json");
  EXPECT_THROW(selected(images, "linux/arm/v5"), Error);
}

TEST(SelectPlatform, TakesTheFirstOfSeveralThatFit) {
  const Index images = index("manifest/docker-list.json");
  EXPECT_EQ(selected(images, "windows/amd64"), "windows/amd64:10.0.17763.5206");
  EXPECT_EQ(selected(images, "windows/amd64:10.0.20348"), "windows/amd64:10.0.20348.2031");
}

TEST(SelectPlatform, SaysWhatThereIsInstead) {
  Index images = index("manifest/docker-list.json");
  images.manifests.push_back(index("manifest/oci-index.json").manifests[9]);
  images.manifests[2].platform->variant = "\x1b";
  try {
    selected(images, "linux/mips64le");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::not_found);
    EXPECT_STREQ(error.what(), "the image has no image for linux/mips64le");
    EXPECT_EQ(error.hint(),
              "it has linux/amd64, linux/arm/v6, linux/arm64/\\x1b, "
              "windows/amd64:10.0.17763.5206, windows/amd64:10.0.20348.2031");
  }
}

TEST(SelectPlatform, DoesNotGuessThePlatformOfAnEntryThatSaysNone) {
  EXPECT_THROW(selected(index("manifest/layout-index.json"), "linux/amd64"), Error);
}

}  // namespace
}  // namespace davit::oci
