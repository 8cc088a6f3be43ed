#include "tests/oci/store/images.hpp"

#include <gtest/gtest.h>

#include "oci/layer/layer.hpp"
#include "oci/layer/tar_header.hpp"
#include "oci/layer/ustar.hpp"
#include "oci/store/closure.hpp"

namespace davit::tests {

using namespace oci;

Descriptor put(Store& store, std::string_view media_type, const std::string& bytes) {
  const Descriptor descriptor = describe(media_type, bytes);
  store.push({}, descriptor, content_of(bytes));
  return descriptor;
}

namespace {

std::string config_of(const std::vector<std::string>& layers) {
  std::string diff_ids;
  for (const std::string& layer : layers) {
    if (!diff_ids.empty()) diff_ids += ',';
    diff_ids += '"' + digest_of(bytes_of(layer)).str() + '"';
  }
  return R"({"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[)" +
         diff_ids + "]}}";
}

}  // namespace

TestImage make_image(const std::vector<std::string>& layers) {
  TestImage image;
  Manifest manifest{.media_type = std::string(media::oci_manifest),
                    .config = describe(media::oci_config, config_of(layers))};
  for (const std::string& layer : layers) {
    manifest.layers.push_back(describe(media::oci_layer, layer));
  }
  image.blobs = {manifest.config};
  image.blobs.insert(image.blobs.end(), manifest.layers.begin(), manifest.layers.end());
  image.manifest = to_json(manifest);
  image.descriptor = describe(media::oci_manifest, image.manifest);
  return image;
}

TestImage put_image(Store& store, const std::vector<std::string>& layers, Push what) {
  TestImage image = make_image(layers);
  put(store, media::oci_config, config_of(layers));
  for (const std::string& layer : layers) put(store, media::oci_layer, layer);
  if (what == Push::all) put(store, media::oci_manifest, image.manifest);
  return image;
}

Descriptor put_index(Store& store, std::vector<Descriptor> manifests) {
  return put(store, media::oci_index,
             to_json(Index{.media_type = std::string(media::oci_index),
                           .manifests = std::move(manifests)}));
}

std::string compressed(const std::string& text, std::string_view how) {
  CompressionPool pool(1);
  StringSink out(1 * GiB, "layer");
  write_layer([&](BlockWriter& to) { to.write(bytes_of(text)); }, Compression::parse(how), pool,
              out);
  return std::move(out.text());
}

std::string tar_of(const std::vector<std::pair<std::string, std::string>>& files) {
  std::string tar;
  for (const auto& [path, content] : files) {
    append_tar_header({.path = path, .mode = 0644, .size = content.size()}, tar);
    tar += content;
    tar.append(tar_padding(content.size()), '\0');
  }
  return tar.append(2 * tar_block_size, '\0');
}

std::string fetched(Store& store, const Descriptor& descriptor) {
  return collect({}, content_in(store, descriptor), 1 * GiB, "content");
}

bool is_complete(Store& store, const Descriptor& root) {
  try {
    NullSink nowhere;
    for (const Descriptor& blob : closure({}, store, root).blobs) store.fetch({}, blob, nowhere);
    return true;
  } catch (const Error&) {
    return false;
  }
}

ErrorKind kind_thrown(const std::function<void()>& action, std::string_view text) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_NE(std::string_view(error.what()).find(text), std::string_view::npos)
        << error.what() << " does not name " << text;
    return error.kind();
  }
  ADD_FAILURE() << "nothing was thrown";
  return ErrorKind::failed;
}

}  // namespace davit::tests
