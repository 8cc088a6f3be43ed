#include "tests/support/sample_image.hpp"

#include <fmt/format.h>

#include <cstring>
#include <random>
#include <string_view>

#include "oci/model/json.hpp"
#include "oci/model/media_type.hpp"

namespace davit::tests {
namespace {

using oci::Json;

constexpr std::size_t tar_block = 512;

Json json_of(const oci::Descriptor& descriptor) {
  return {{"mediaType", descriptor.media_type},
          {"digest", descriptor.digest.str()},
          {"size", descriptor.size}};
}

}  // namespace

std::string random_bytes(std::size_t size, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; i += 4) {
    const std::uint32_t four = static_cast<std::uint32_t>(random());
    std::memcpy(bytes.data() + i, &four, std::min<std::size_t>(4, size - i));
  }
  return bytes;
}

std::string tar_of(const std::string& name, const std::string& content) {
  std::string header(tar_block, '\0');
  const auto field = [&header](std::size_t at, std::string_view text) {
    header.replace(at, text.size(), text);
  };
  field(0, name);
  field(100, "0000644");
  field(108, "0000000");
  field(116, "0000000");
  field(124, fmt::format("{:011o}", content.size()));
  field(136, "00000000000");
  field(148, "        ");
  field(156, "0");
  field(257, std::string_view("ustar\00000", 8));
  unsigned sum = 0;
  for (const unsigned char byte : header) sum += byte;
  field(148, fmt::format("{:06o}", sum) + '\0');
  const std::size_t padding = (tar_block - content.size() % tar_block) % tar_block;
  return header + content + std::string(padding + 2 * tar_block, '\0');
}

SampleImage make_image(Registry& registry, const std::string& repository, const std::string& tag,
                       const Sample& sample) {
  SampleImage image;
  Json diff_ids = Json::array();
  Json layers = Json::array();
  Json history = Json::array();
  for (std::size_t i = 0; i < sample.layers; ++i) {
    const auto seed = sample.seed * 1000 + static_cast<std::uint32_t>(i);
    image.layers.push_back(registry.put_blob(
        repository, tar_of(fmt::format("file{}", i), random_bytes(sample.layer_bytes, seed)),
        oci::media::oci_layer));
    layers.push_back(json_of(image.layers.back()));
    diff_ids.push_back(image.layers.back().digest.str());
    history.push_back(Json{{"created_by", fmt::format("layer {}", i)}});
  }
  const Json config{{"os", sample.os},
                    {"architecture", sample.architecture},
                    {"config", {{"User", sample.user}}},
                    {"rootfs", {{"type", "layers"}, {"diff_ids", diff_ids}}},
                    {"history", history}};
  image.config = registry.put_blob(repository, oci::to_text(config), oci::media::oci_config);
  const Json manifest{{"schemaVersion", 2},
                      {"mediaType", oci::media::oci_manifest},
                      {"config", json_of(image.config)},
                      {"layers", layers}};
  image.manifest =
      registry.put_manifest(repository, tag, oci::to_text(manifest), oci::media::oci_manifest);
  return image;
}

oci::Descriptor make_index(Registry& registry, const std::string& repository,
                           const std::string& tag, const std::vector<Sample>& samples) {
  Json manifests = Json::array();
  for (const Sample& sample : samples) {
    Json entry = json_of(make_image(registry, repository, "", sample).manifest);
    entry["platform"] = Json{{"os", sample.os}, {"architecture", sample.architecture}};
    manifests.push_back(std::move(entry));
  }
  const Json index{
      {"schemaVersion", 2}, {"mediaType", oci::media::oci_index}, {"manifests", manifests}};
  return registry.put_manifest(repository, tag, oci::to_text(index), oci::media::oci_index);
}

}  // namespace davit::tests
