#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "oci/model/manifest.hpp"
#include "oci/store/store.hpp"
#include "tests/support/content.hpp"

namespace davit::tests {

/// Pushes bytes under a type, and says what they are.
oci::Descriptor put(oci::Store& store, std::string_view media_type, const std::string& bytes);

/// An image of layers with these contents. Its documents are real, its layers are no tars.
struct TestImage {
  std::vector<oci::Descriptor> blobs;  ///< the config, then the layers
  std::string manifest;
  oci::Descriptor descriptor;
};
TestImage make_image(const std::vector<std::string>& layers);

/// Pushes the blobs of an image, and the manifest unless told otherwise.
enum class Push { blobs, all };
TestImage put_image(oci::Store& store, const std::vector<std::string>& layers,
                    Push what = Push::all);

/// An index of these, pushed without a tag.
oci::Descriptor put_index(oci::Store& store, std::vector<oci::Descriptor> manifests);

/// Text as this program compresses layers: "gzip", "zstd", "none".
std::string compressed(const std::string& text, std::string_view how);

/// A tar of regular files with these names and contents.
std::string tar_of(const std::vector<std::pair<std::string, std::string>>& files);

/// What a store gives for a descriptor.
std::string fetched(oci::Store& store, const oci::Descriptor& descriptor);

/// Whether the document and all that it refers to is there and matches its digests.
bool is_complete(oci::Store& store, const oci::Descriptor& root);

/// The kind of the Error that `action` throws; what it throws is a failure of the test if it does
/// not, or its message does not contain `text`.
oci::ErrorKind kind_thrown(const std::function<void()>& action, std::string_view text = {});

}  // namespace davit::tests
